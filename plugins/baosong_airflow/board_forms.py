"""What an operator can do on the board, as forms: what each asks, what would follow, and how it is carried out.

An act is one transaction of the ledger; all that takes long follows in the intake's tasks. Another act is another
class in one of the three tables at the end, and a link to its page.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from baosong.campaign import Campaign, Prefecture
from baosong.receipts.act_page import Field, Option, Values
from baosong_airflow import doorbell, report_now

if TYPE_CHECKING:
    from baosong.ledger import Submission
    from baosong.ledger.quarantine import Decision
    from baosong.ledger.services import Services
    from baosong.rules.findings import Kind

RELEASE, REFUSE = "release", "refuse"
FOLLOWS = "确认后立即记入台账，随后由“收件”流程办理并另发回执。"


def text_of(values: Values, name: str) -> str:
    """Return what a field of one answer holds, empty where it was left out."""
    return next(iter(values.get(name, ())), "")


@dataclass(slots=True)
class Act:
    """Something an operator does; errors that a person can cause are ReviewRefused, whose text is Chinese."""

    services: Services
    campaign: Campaign

    title = ""
    verb = ""

    def unfit(self) -> str:
        """Return why there is nothing to do here, empty if there is."""
        return ""

    def fields(self) -> list[Field]:
        """Return what is asked."""
        return []

    def effect(self, who: str, values: Values) -> str:
        """Return what would follow; ReviewRefused if that cannot be."""
        raise NotImplementedError

    def carry_out(self, who: str, values: Values) -> str:
        """Do it and return the answer; repeated with the same values, it changes nothing more."""
        raise NotImplementedError


@dataclass(slots=True)
class ActOnPrefecture(Act):
    """Something done to one prefecture."""

    prefecture: Prefecture


@dataclass(slots=True)
class ActOnFile(ActOnPrefecture):
    """Something done to one file of a prefecture."""

    row: Submission


REASON = Field("reason", "理由", hint="必填，500 字以内。写进发给对方的回执和台账，请写得对方也能看懂。")


@dataclass(slots=True)
class Review(ActOnFile):
    """Release a held file or send it back."""

    title = "审核文件"
    verb = "办理"

    def unfit(self) -> str:
        """Return why the file does not wait for a decision."""
        from baosong.pipeline import manual_review

        return manual_review.why_not_held(self.services, self.row)

    def fields(self) -> list[Field]:
        """Ask for the decision, the kind of what no check could tell, and the reason."""
        from baosong.ledger import is_unpacked
        from baosong.receipts.view import is_marked

        refuse = Option(REFUSE, "退回：不接收，对方按理由改好后重新报送")
        release = Option(RELEASE, "放行：接收、归档、计入汇总")
        marked = is_marked(self.row)
        hint = "文件带有密级标志，只能退回。" if marked else "放行或退回后不能更改；退回的可以请对方重新报送。"
        decision = Field("decision", "结论", "radio", [refuse] if marked else [release, refuse], hint)
        kinds = [Option(d.kind.value, d.name) for d in self.campaign.deliverables]
        kind = Field("kind", "作为哪一项材料", "radio", kinds, "没有认出来；放行时必须指明，退回时不用管。")
        untold = self.row.kind is None and not is_unpacked(self.row) and not marked
        return [decision, *([kind] if untold else []), REASON]

    def effect(self, who: str, values: Values) -> str:
        """Say what becomes of the file."""
        from baosong.rules.findings import Verdict

        taken = self._decision(who, values).verdict is Verdict.ACCEPTED
        return f"{'放行，接收这个文件' if taken else '退回这个文件'}。结论不能更改。{FOLLOWS}"

    def carry_out(self, who: str, values: Values) -> str:
        """Record the decision, and have the intake carry on."""
        from baosong.pipeline import manual_review

        reason, released = text_of(values, "reason"), text_of(values, "decision") == RELEASE
        self._decision(who, values)
        if released:
            manual_review.release(self.services, self.row.id, who, reason, self._kind(values))
        else:
            manual_review.refuse(self.services, self.row.id, who, reason)
        doorbell.ring()
        return (
            f"第 {self.row.id} 号文件的结论已记下：{'放行' if released else '退回'}。回执随后发出，办完后这一行会更新。"
        )

    def _decision(self, who: str, values: Values) -> Decision:
        from baosong.pipeline import manual_review

        if text_of(values, "decision") == RELEASE:
            return manual_review.releasing(self.services, self.row, who, text_of(values, "reason"), self._kind(values))
        if text_of(values, "decision") == REFUSE:
            return manual_review.refusing(self.row, who, text_of(values, "reason"))
        raise manual_review.ReviewRefused("请选择放行或退回。")

    def _kind(self, values: Values) -> Kind | None:
        from baosong.rules.findings import Kind

        chosen = text_of(values, "kind")
        return Kind(chosen) if chosen in {d.kind.value for d in self.campaign.deliverables} else None


@dataclass(slots=True)
class Waive(ActOnFile):
    """Take a rejected file though it breaks a rule."""

    title = "免除要求后接收"
    verb = "接收"

    def unfit(self) -> str:
        """Return why nothing can be waived."""
        from baosong.pipeline import operator_acts

        return operator_acts.why_not_waivable(self.services, self.row)

    def fields(self) -> list[Field]:
        """Ask which rules are waived, each to be ticked by itself, and why."""
        from baosong.pipeline import operator_acts
        from baosong.rules.catalogue import known_title

        rules = [Option(rule, f"{known_title(rule)}（{rule}）") for rule in operator_acts.errors_of(self.row)]
        hint = "逐项勾选；全部勾选才能接收。疑似涉密、带有病毒、损坏或没有读完的文件不能免除。"
        return [Field("rules", "免除哪些要求", "checkbox", rules, hint), REASON]

    def effect(self, who: str, values: Values) -> str:
        """Say what becomes of the file."""
        from baosong.pipeline import operator_acts

        operator_acts.waiving(self.row, who, values.get("rules", ()), text_of(values, "reason"))
        taken = "予以接收、归档、计入汇总（已有更晚报送的，以更晚的为准）"
        return f"这个文件不再退回，{taken}；免除的要求和理由写在它的回执和记录里。{FOLLOWS}"

    def carry_out(self, who: str, values: Values) -> str:
        """Record the decision, and have the intake carry on."""
        from baosong.pipeline import operator_acts

        reason = text_of(values, "reason")
        operator_acts.waive(self.services, self.row.id, who, values.get("rules", ()), reason)
        doorbell.ring()
        return f"第 {self.row.id} 号文件的结论已记下：免除要求，予以接收。回执随后发出，办完后这一行会更新。"


@dataclass(slots=True)
class Withdraw(ActOnFile):
    """Have an accepted file count no more."""

    title = "撤回已接收的文件"
    verb = "撤回"

    def unfit(self) -> str:
        """Return why the file cannot be withdrawn."""
        from baosong.pipeline import operator_acts

        return operator_acts.why_not_withdrawable(self.row)

    def fields(self) -> list[Field]:
        """Ask for the reason."""
        return [REASON]

    def effect(self, who: str, values: Values) -> str:
        """Say what becomes of the file."""
        from baosong.pipeline.manual_review import checked_reason

        checked_reason(text_of(values, "reason"))
        return f"这个文件不再计入这一项材料和全区汇总，原件和记录仍在归档中保存。撤回不能取消。{FOLLOWS}"

    def carry_out(self, who: str, values: Values) -> str:
        """Record it, and have the intake answer."""
        from baosong.pipeline import operator_acts

        operator_acts.withdraw(self.services, self.row.id, who, text_of(values, "reason"))
        doorbell.ring()
        final = "仍然报齐的，终稿当夜更新；因此不再报齐的，已有终稿不变，补报齐后另出新版。"
        return f"第 {self.row.id} 号文件已撤回，不再计入汇总，回执随后发出。{final}"


@dataclass(slots=True)
class Extend(ActOnPrefecture):
    """Grant a prefecture more time."""

    title = "延长截止时间"
    verb = "延长"

    def fields(self) -> list[Field]:
        """Ask until when, and why."""
        from baosong.pipeline.more_time import LONGEST

        own = self.services.ledger.campaign_for(self.campaign, self.prefecture.code)
        hint = f"现在是{own.deadline_text}。只能更晚，一次最多延长 {LONGEST.days} 天；某日 24:00 请填次日 00:00。"
        why = Field("reason", "理由", hint="必填，500 字以内。写进台账和发给对方的邮件，请写得对方也能看懂。")
        return [Field("until", "新的截止时间", "time", hint=hint), why]

    def effect(self, who: str, values: Values) -> str:
        """Say until when, in the words of the pages, and what becomes of files that came late."""
        from baosong.pipeline import more_time
        from baosong.pipeline.manual_review import checked_reason

        checked_reason(text_of(values, "reason"))
        now, code = datetime.now(UTC), self.prefecture.code
        until = more_time.extended(self.services, self.campaign, code, text_of(values, "until"), now)
        return (
            f"{self.prefecture.name}的截止时间延长到{self.campaign.text_of(until)}，不能缩回。在这之前收到的文件，"
            "已标注“迟报”的不再算迟报；状态页随即更新，有邮箱的另发邮件，已发出的回执不变。"
        )

    def carry_out(self, who: str, values: Values) -> str:
        """Record it and write the status page anew."""
        from baosong.pipeline import more_time

        until, reason = text_of(values, "until"), text_of(values, "reason")
        code, now = self.prefecture.code, datetime.now(UTC)
        return more_time.extend(self.services, self.campaign, code, until, who, reason, now)


@dataclass(slots=True)
class Remind(ActOnPrefecture):
    """Remind a prefecture of what it lacks now, whatever day it is."""

    title = "立即催报"
    verb = "催报"

    def unfit(self) -> str:
        """Return why there is nobody to be reminded, or of nothing."""
        from baosong.pipeline import more_time

        return more_time.why_not_reminded(self.services, self.campaign, self.prefecture.code)

    def fields(self) -> list[Field]:
        """Show to whom it goes and of what it will speak."""
        from baosong.pipeline.reminders import reminded

        lacking = reminded(self.services, self.campaign, self.prefecture.code).missing
        names = "、".join(f"{d['name']}（{d['word']}）" for d in lacking)
        to = Option("mail", "、".join(self.campaign.contact(self.prefecture.code).emails))
        return [Field("to", "发给", "radio", [to], f"还缺：{names}。", values=["mail"])]

    def effect(self, who: str, values: Values) -> str:
        """Say what is sent."""
        return "发一封催报邮件，写明还缺哪几项、什么时候截止。同一小时里只发一次；活动文件规定的催报照常。"

    def carry_out(self, who: str, values: Values) -> str:
        """Have it sent."""
        from baosong.pipeline import more_time

        return more_time.remind(self.services, self.campaign, self.prefecture.code, who, datetime.now(UTC))


@dataclass(slots=True)
class WriteReport(Act):
    """Have the final report written now instead of in the night."""

    title = "立即生成全区终稿"
    verb = "生成"

    def unfit(self) -> str:
        """Return who has not sent everything."""
        complete = set(self.services.ledger.complete_prefectures(self.campaign))
        missing = [p.name for p in self.campaign.prefectures if p.code not in complete]
        if not missing:
            return ""
        names = "、".join(missing)
        instead = f"中期稿每夜生成，也可用命令 ./baosong report {self.campaign.id} --interim。"
        return f"尚有 {len(missing)} 个地州市未报齐：{names}。报齐后才能生成终稿；{instead}"

    def fields(self) -> list[Field]:
        """Ask for the reason."""
        return [Field("reason", "理由", hint="必填，500 字以内。写进“汇总报告”这次运行的备注。")]

    def effect(self, who: str, values: Values) -> str:
        """Say what is written, if anything is to be."""
        from baosong.pipeline.manual_review import checked_reason

        checked_reason(text_of(values, "reason"))
        return "运行“汇总报告”，几分钟后写出新一版终稿；内容与上一版相同的不产生新版本。"

    def carry_out(self, who: str, values: Values) -> str:
        """Start the DAG, unless a run for this campaign is there."""
        from baosong.pipeline.manual_review import ReviewRefused, checked_reason

        reason = checked_reason(text_of(values, "reason"))
        if nothing := self.unfit():
            raise ReviewRefused(nothing)
        if report_now.under_way(self.campaign.id):
            return "“汇总报告”已经在运行，不必再点；写好后列在看板上。"
        report_now.start(self.campaign.id, who, reason)
        return "已开始运行“汇总报告”；写好后列在看板上，内容与上一版相同的不产生新版本。"


ON_FILES: dict[str, type[ActOnFile]] = {"review": Review, "waive": Waive, "withdraw": Withdraw}
ON_PREFECTURES: dict[str, type[ActOnPrefecture]] = {"extend": Extend, "remind": Remind}
ON_CAMPAIGNS: dict[str, type[Act]] = {"report": WriteReport}
