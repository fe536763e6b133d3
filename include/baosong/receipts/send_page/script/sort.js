"use strict";
// Which deliverable a file is and what is plainly wrong with it: the pipeline's own tables (settings.types, .words),
// and no more of its checks than the first bytes tell. The pipeline judges again, and alone decides.

const MAGIC = [
  ["pdf", 0, "%PDF"], ["png", 0, "\x89PNG"], ["jpg", 0, "\xff\xd8\xff"], ["gif", 0, "GIF8"], ["bmp", 0, "BM"],
  ["tif", 0, "II*\0"], ["tif", 0, "MM\0*"], ["tif", 0, "II+\0"], ["webp", 8, "WEBP"], ["avi", 8, "AVI "],
  ["mpg", 0, "\0\0\x01\xba"], ["mpv", 0, "\0\0\x01\xb3"], ["mkv", 0, "\x1aE\xdf\xa3"], ["mxf", 0, "\x06\x0e\x2b\x34"],
  ["wmv", 0, "\x30\x26\xb2\x75"], ["flv", 0, "FLV\x01"], ["rar", 0, "Rar!"], ["7z", 0, "7z\xbc\xaf"],
  ["gz", 0, "\x1f\x8b"], ["rtf", 0, "{\\rtf"],
];
const ATOMS = ["moov", "mdat", "wide", "free", "skip", "pnot"];
const PACKED = [["docx", "word/"], ["xlsx", "xl/"], ["pptx", "ppt/"], ["ofd", "OFD.xml"]];
const STREAMS = [["encrypted", "EncryptedPackage"], ["doc", "WordDocument"], ["xls", "Workbook"], ["xls", "Book"],
  ["ppt", "PowerPoint Document"]];

function suffixOf(name) {
  const at = name.lastIndexOf(".");
  return at > 0 ? name.slice(at + 1).toLowerCase() : "";
}

function canonical(types, suffix) {
  return types.same[suffix] || suffix;
}

async function bytesOf(file, from, to) {
  const bytes = new Uint8Array(await file.slice(Math.max(0, from), to).arrayBuffer());
  let text = "";
  for (let at = 0; at < bytes.length; at += 8192) text += String.fromCharCode(...bytes.subarray(at, at + 8192));
  return text;
}

// The true type of a file by its content, as the suffix that it would honestly bear; "" when nothing known fits.
async function identify(file) {
  const head = await bytesOf(file, 0, 4096);
  if (head.startsWith("PK\x03\x04")) return identifyZip(file, head);
  if (head.startsWith("\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1")) return identifyOle(file, head);
  if (head.slice(4, 8) === "ftyp") return identifyBrand(head.slice(8, 12));
  if (ATOMS.includes(head.slice(4, 8))) return "mov";
  if ([0, 188, 376, 564].every((at) => head[at] === "G")) return "ts";
  const found = MAGIC.find(([, at, mark]) => head.startsWith(mark, at));
  return found ? found[0] : "";
}

function identifyBrand(brand) {
  if (brand === "qt  ") return "mov";
  if (/^(hei|hev|mif1|msf1)/.test(brand)) return "heic";
  return brand.startsWith("avi") ? "avif" : "mp4";
}

async function identifyZip(file, head) {
  if (head.charCodeAt(6) & 1) return "zip-encrypted";
  const opened = /mimetypeapplication\/vnd\.oasis\.opendocument\.(\w+)/.exec(head);
  if (opened) return { text: "odt", spreadsheet: "ods" }[opened[1]] || "odp";
  const directory = head + await bytesOf(file, file.size - 65536, file.size);
  const found = PACKED.find(([, mark]) => directory.includes(mark));
  return directory.includes("[Content_Types].xml") && found ? found[0] : directory.includes("OFD.xml") ? "ofd" : "zip";
}

async function identifyOle(file, head) {
  const number = (at) => head.charCodeAt(at) + head.charCodeAt(at + 1) * 256 + head.charCodeAt(at + 2) * 65536;
  const at = (number(48) + 1) * 2 ** head.charCodeAt(30);
  const directory = await bytesOf(file, at, at + 4096);
  const found = STREAMS.find(([, name]) => directory.includes([...name].join("\0")));
  return found ? found[0] : "ole";
}

// The deliverable by content and name, as files outside the folders are classified; "" where only their words tell.
function classify(settings, name, type) {
  const { types, words } = settings;
  const known = ["", "encrypted", "ole"].includes(type) ? canonical(types, suffixOf(name)) : type;
  const press = new RegExp(words.press).exec(name), report = new RegExp(words.report).exec(name);
  let kind = "";
  if (types.video.includes(known)) kind = "video";
  else if (types.photo.includes(known)) kind = press ? "press" : "photo";
  else if (types.sheet.includes(known) || suffixOf(name) === "csv") {
    kind = press && !name.includes("统计") ? "press" : "statistics";
  } else if (types.text.includes(known)) {
    kind = report && !(press && press.index < report.index) ? "report" : press ? "press" : "";
  }
  return settings.deliverables.some((d) => d.kind === kind) ? kind : "";
}

// {kind, inner}: the deliverable of the first folder that belongs to one and the path inside it, else by content.
function placeOf(settings, path, type) {
  const parts = path.normalize("NFC").split("/").filter(Boolean);
  const at = parts.findIndex((part, n) => n < parts.length - 1 && settings.deliverables.some((d) => d.folder === part));
  if (at >= 0) {
    return { kind: settings.deliverables.find((d) => d.folder === parts[at]).kind, inner: parts.slice(at + 1).join("/") };
  }
  const kind = type.startsWith("zip") ? "" : classify(settings, parts[parts.length - 1], type);
  return { kind, inner: parts.join("/") };
}

// The object key: single deliverables lie under their bare name, as the place inside the folder means nothing there.
function keyOf(settings, kind, inner) {
  const deliverable = settings.deliverables.find((d) => d.kind === kind);
  const parts = inner.split("/");
  const kept = deliverable && deliverable.single ? parts.slice(-1) : parts.slice(-settings.maxDepth + (deliverable ? 1 : 0));
  return settings.area + (deliverable ? `${deliverable.folder}/` : "") + kept.join("/");
}

function isLeftover(settings, path) {
  return new RegExp(settings.leftover, "i").test(path);
}

function sizeText(size) {
  if (size < 1024) return `${size} 字节`;
  const power = Math.min(3, Math.floor(Math.log2(size) / 10));
  return `${(size / 1024 ** power).toFixed(1).replace(/\.0$/, "")} ${"KMG"[power - 1]}B`;
}

// What is plainly wrong: {what, fix, fatal}; only a fatal one that is `sure` cannot be sent all the same. null if nothing.
function problemOf(settings, file, kind, type) {
  if (!file.size) return { what: "文件是空的（0 字节）", fix: "在本机打开确认有内容，重新选择；可能是没有复制完。", fatal: true, sure: true };
  if (new TextEncoder().encode(file.name.normalize("NFC")).length > settings.longestName) {
    return { what: "文件名太长", fix: "请改短文件名（不超过 80 个汉字）再选择。", fatal: true, sure: true };
  }
  if (type === "encrypted" || type === "zip-encrypted") {
    return { what: "设有打开密码", fix: "请清空密码，保存后重新选择。系统打不开加密的文件。", fatal: true, sure: true };
  }
  if (settings.types.archive.includes(type)) {
    return { what: `这是 ${type} 压缩包，系统只收 zip`, fix: "请重新压缩成 zip，或解压后直接选择里面的文件。", fatal: true, sure: true };
  }
  const deliverable = settings.deliverables.find((d) => d.kind === kind);
  return deliverable && type !== "zip" ? problemOfKind(settings, file, deliverable, type) : null;
}

function problemOfKind(settings, file, deliverable, type) {
  const { types } = settings, asked = deliverable.formats.join("、");
  if (file.size > deliverable.limit) {
    const fix = `${deliverable.name}单个文件不超过 ${sizeText(deliverable.limit)}，请压缩图片、降低码率或分成几个。`;
    return { what: `太大：${sizeText(file.size)}`, fix, fatal: true, sure: true };
  }
  const accepted = deliverable.formats.map((f) => canonical(types, f)), bears = canonical(types, suffixOf(file.name));
  if (deliverable.kind === "video" && ["ts", "mpv"].includes(type)) return null;
  const actual = type || (types.text.includes(bears) ? bears : "");
  if (actual ? accepted.includes(actual) : accepted.includes(bears)) {
    if (!actual || actual === bears || actual === "ole") return null;
    return { what: `扩展名是 .${suffixOf(file.name)}，内容却是 ${actual}`, fix: "会照常发送；请用原来的软件另存为正确的格式。", fatal: false };
  }
  if (type === "ole") return null;
  const is = actual && actual !== bears ? `内容是 ${actual} 格式` : `是 .${suffixOf(file.name) || "（没有扩展名）"} 文件`;
  return { what: `${is}，${deliverable.name}不收`, fix: `请另存为或导出为 ${asked}；归错了材料的，请改选材料。`, fatal: true, sure: false };
}
