"""Campaign files, loaded with errors that name line, field and what was expected.

YAML is composed into nodes first, because only nodes know their lines; `extends: "2023"` merges a file over that
campaign before anything is validated, so that a derived campaign states only what differs.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, ClassVar

import yaml
from pydantic import ValidationError

from baosong.campaign.model import Campaign
from baosong.rules.errors import OneLineError

Path_ = tuple[str | int, ...]

# The campaigns of the checkout; who installed a wheel names its folders.
CAMPAIGNS = Path(__file__).resolve().parents[2] / "campaigns"


class CampaignError(OneLineError):
    """A campaign file that cannot be used; its text is one or more lines fit to show."""


@dataclass(frozen=True, slots=True)
class _Loaded:
    data: dict[str, Any]
    lines: dict[Path_, str]  # field path -> "file:line"
    files: dict[Path, int]  # all that were read, as they were: a change is noticed


class _Loader(yaml.CSafeLoader):
    """As YAML's own, but a day that no calendar has stays text: the model knows which field should be a day."""

    def construct_yaml_timestamp(self, node: yaml.ScalarNode) -> Any:
        try:
            return super().construct_yaml_timestamp(node)
        except ValueError:
            return node.value


_Loader.add_constructor("tag:yaml.org,2002:timestamp", _Loader.construct_yaml_timestamp)


def load_campaign(path: Path) -> Campaign:
    """Return the campaign in a YAML file; CampaignError names file, line, field and what was expected."""
    return _validated(_load(path, (CAMPAIGNS,), seen=()), path)


class Campaigns:
    """The campaigns in some folders, each loaded again only when one of its files has changed.

    They are remembered by the process, as its children are forked for one task each and would all load them anew.
    """

    _cache: ClassVar[dict[tuple[str | Path, ...], tuple[dict[Path, int], Campaign]]] = {}

    def __init__(self, dirs: list[Path]) -> None:
        self._dirs = dirs

    def ids(self) -> list[str]:
        """Return the ids of all campaign files, sorted; a file's name is its campaign's id."""
        return sorted({f.stem for d in self._dirs for f in d.glob("*.yaml")})

    def path(self, campaign_id: str) -> Path:
        """Return the file of a campaign; CampaignError if there is none."""
        for folder in self._dirs:
            candidate = folder / f"{campaign_id}.yaml"
            if candidate.parent == folder and candidate.is_file():
                return candidate
        raise CampaignError(f"没有活动“{campaign_id}”。现有：{'、'.join(self.ids()) or '无'}。")

    def get(self, campaign_id: str) -> Campaign:
        """Return a campaign by id; CampaignError if it is unknown or its file is wrong."""
        path = self.path(campaign_id)
        # With the folders, in which what it extends is looked for.
        key: tuple[str | Path, ...] = (campaign_id, path.resolve(), *self._dirs)
        cached = self._cache.get(key)
        if cached and all(_stamp(file) == stamp for file, stamp in cached[0].items()):
            return cached[1]
        loaded = _load(path, (*self._dirs, CAMPAIGNS), seen=())
        campaign = _validated(loaded, path)
        if campaign.id != campaign_id:
            raise CampaignError(f"{path.name}：文件名应与 id 一致，id 为“{campaign.id}”，请改名为 {campaign.id}.yaml。")
        self._cache[key] = (loaded.files, campaign)
        return campaign


def _stamp(file: Path) -> int:
    return file.stat().st_mtime_ns if file.exists() else 0


def _validated(loaded: _Loaded, path: Path) -> Campaign:
    try:
        return Campaign.model_validate(loaded.data)
    except ValidationError as wrong:
        raise CampaignError(_explain(wrong, loaded, path)) from None


def _load(path: Path, dirs: tuple[Path, ...], seen: tuple[Path, ...]) -> _Loaded:
    """Read a file and what it extends: another file beside it, or else in one of the folders."""
    path = path.resolve()
    if path in seen:
        raise CampaignError(f"{path.name}：extends 形成循环：{' → '.join(p.name for p in (*seen, path))}。")
    loaded = _inlined(_read(path, _stamp(path)), "form", path.parent)
    own = dict(loaded.data)
    if (parent := own.pop("extends", None)) is None:
        return _Loaded(own, loaded.lines, loaded.files)
    named = [folder / f"{parent}.yaml" for folder in (path.parent, *dirs)]
    base = _load(next((file for file in named if file.is_file()), named[0]), dirs, (*seen, path))
    inherited = {at: line for at, line in base.lines.items() if not _replaced(at, own)}
    return _Loaded(_merge(base.data, own), {**inherited, **loaded.lines}, {**base.files, **loaded.files})


def _replaced(at: Path_, over: Any) -> bool:
    """Return whether a path of the parent lies in a value that the child replaces."""
    for step in at:
        if not isinstance(over, dict) or step not in over:
            return not isinstance(over, dict)
        over = over[step]
    return False


@lru_cache(maxsize=64)
def _read(path: Path, stamp: int) -> _Loaded:
    """Return what a file says, read anew once its stamp has changed: most campaigns extend the same one."""
    try:
        parser = _Loader(path.read_text(encoding="utf-8"))
        node = parser.get_single_node()
        data = parser.construct_document(node) if node is not None else None
    except OSError as failed:
        refused = isinstance(failed, PermissionError)
        raise CampaignError(f"没有权限读 {path}：请 chmod 644。" if refused else f"找不到活动文件 {path}。") from None
    except UnicodeDecodeError:
        raise CampaignError(f"{path.name}：应为 UTF-8 编码的文本。") from None
    except yaml.YAMLError as wrong:
        mark = getattr(wrong, "problem_mark", None)
        line = f":{mark.line + 1}" if mark else ""
        problem = getattr(wrong, "problem", None) or "无法读取"
        raise CampaignError(
            f"{path.name}{line}：不是有效的 YAML（{problem}）。请检查缩进、冒号后的空格和引号。"
        ) from None
    if not isinstance(data, dict):
        raise CampaignError(f'{path.name}:1：应是“字段: 值”的列表，例如以 id: "2023" 开头。')
    lines: dict[Path_, str] = {}
    _note_lines(node, (), path.name, lines)
    return _Loaded(data, lines, {path.resolve(): stamp})


def _note_lines(node: yaml.Node | None, at: Path_, name: str, lines: dict[Path_, str]) -> None:
    if node is None:
        return
    lines.setdefault(at, f"{name}:{node.start_mark.line + 1}")
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            lines[(*at, key.value)] = f"{name}:{key.start_mark.line + 1}"
            _note_lines(value, (*at, key.value), name, lines)
    elif isinstance(node, yaml.SequenceNode):
        for index, value in enumerate(node.value):
            _note_lines(value, (*at, index), name, lines)


def _inlined(loaded: _Loaded, key: str, folder: Path) -> _Loaded:
    """Replace a field that names a file by the content of the file, with its lines."""
    name = loaded.data.get(key)
    if not isinstance(name, str):
        return loaded
    other = _read(folder / name, _stamp(folder / name))
    lines = {(key, *at): line for at, line in other.lines.items()}
    return _Loaded({**loaded.data, key: other.data}, {**loaded.lines, **lines}, {**loaded.files, **other.files})


def _merge(base: dict[str, Any], over: dict[str, Any]) -> dict[str, Any]:
    """Merge one mapping over another: mappings merge, all other values (lists too) are replaced."""
    merged = dict(base)
    for key, value in over.items():
        old = merged.get(key)
        merged[key] = _merge(old, value) if isinstance(old, dict) and isinstance(value, dict) else value
    return merged


def _explain(wrong: ValidationError, loaded: _Loaded, path: Path) -> str:
    rows = []
    for problem in wrong.errors():
        at = tuple(problem["loc"])
        spelt = ".".join(str(p + 1) if isinstance(p, int) else p for p in at) or "整个文件"
        while at not in loaded.lines and at:
            at = at[:-1]  # a missing field has no line of its own, the mapping around it has
        rows.append(f"{loaded.lines.get(at, path.name)}：字段 {spelt}：{_expected(problem)}")
    return "\n".join(rows)


def _expected(problem: Any) -> str:
    """Return what a field should be and what it is, by the first known beginning of pydantic's error type."""
    kind, found = problem["type"], problem.get("input")
    template = next((text for start, text in _EXPECTED.items() if kind.startswith(start)), None)
    is_shown = isinstance(found, str | int | float | bool) and not kind.startswith(("missing", "extra_forbidden"))
    is_shown &= problem["loc"][:1] not in _PERSONAL
    context = defaultdict(str, {"min_length": 1, **problem.get("ctx", {})})
    expected = problem["msg"] if template is None else template.format_map(context)
    return expected + (f"，现为 {found!r}" if is_shown else "") + "。"


_PERSONAL = (("contacts",), ("operators",))  # what stands there is shown to nobody: errors reach logs
_EXPECTED = {
    "missing": "缺少此项，必须填写",
    "extra_forbidden": "没有这样的字段，请检查拼写",
    "string_pattern_mismatch": "格式不符，应符合 {pattern}",
    "enum": "应为 {expected} 之一",
    "literal_error": "应为 {expected} 之一",
    "value_error": "{error}",
    "int": "应为整数",
    "float": "应为数字",
    "bool": "应为 true 或 false",
    "string": "应为文字（数字请加引号）",
    "date": "应为日期，如 2023-05-20",
    "list": "应为列表",
    "too_short": "至少要有 {min_length} 项",
    "too_long": "最多 {max_length} 项",
    "greater_than_equal": "应不小于{ge}",
    "greater": "应大于{gt}",
    "less_than_equal": "应不大于{le}",
    "less": "应小于{lt}",
    "model": "应是“字段: 值”的列表",
    "dict": "应是“字段: 值”的列表",
}
