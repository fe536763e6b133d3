"""The rule book: every rule that code says by itself, one line each; the form brings the words of its own checks.

Whoever adds a rule adds its line here and runs `python -m baosong.rules`. A test holds the book against the code: no
rule of either is missing in the other, and the words are the code's, `…` standing for what differs from file to file.
"""

from __future__ import annotations

from typing import NamedTuple

SEVERITIES = {"error": "必须修改", "warning": "请核对", "note": "说明", "held": "待人工核实"}
SECTIONS = {"file": "任何文件", "report": "总结报告", "photo": "照片", "press": "媒体报道", "video": "视频影像资料", "statistics": "统计表：读表"}  # fmt: skip


class Rule(NamedTuple):
    """A rule: its id, how grave (several where it depends), the words of its message, and why it is there."""

    rule: str
    severity: str
    message: str
    reason: str


RULES = (
    Rule("file.empty", "error", "文件是空的（0 字节）。", "多半是上传中断或拷贝失败"),
    Rule("file.too_large", "error", "文件超过大小上限：…，上限 …。", "上限写在活动文件里，每项材料不同"),
    Rule("file.type_mismatch", "error warning", "扩展名与内容不符：名字是 …，内容是 … 格式，已按内容校验。", "凭内容认格式，不凭名字；内容是这项材料收的格式就照收并提醒，否则退回"),
    Rule("file.format", "error", "“…”不收 … 格式的文件。", "每项材料收哪些格式写在活动文件里"),
    Rule("file.encrypted", "error", "…设有打开密码，无法读取。", "打不开就无从校验，也无法汇总、归档"),
    Rule("file.unreadable", "error", "文件打不开：…。", "损坏或没有传完的文件不能作数"),
    Rule("file.bomb", "error", "文件内部展开后大得异常（…），出于安全没有打开。", "展开会占满内存或磁盘"),
    Rule("file.archive", "error", "这是 … 压缩包，不能直接校验。", "压缩包里的文件要逐个校验、逐个归档"),
    Rule("file.macros", "error", "工作簿里带有宏，出于安全不能接收。", "宏可以带病毒"),
    Rule("file.active_content", "error warning", "文件里有会自动执行的内容：…。", "宏、脚本、自动打开的动作可以带病毒"),
    Rule("file.attachment", "warning", "文件里嵌有附件或对象，附件没有被校验，也不会单独归档。", "附件没有校验，让报送人知道"),
    Rule("file.bundle", "note", "已解包，共 … 个文件，逐个校验，结果见下。", "压缩包逐个解开、逐个校验"),
    Rule("file.bundle_crowded", "error", "压缩包里的文件太多：… 个，最多 … 个。", "太多的文件多半放错了"),
    Rule("file.bundle_empty", "error", "压缩包里没有文件。", "空包里没有材料"),
    Rule("file.bundle_link", "error", "压缩包里的这一项是链接，不是文件，没有内容可以校验。", "链接没有内容"),
    Rule("file.bundle_method", "error", "压缩包里的文件用了 … 压缩方法，无法解开。", "少见的压缩方法无法解开"),
    Rule("file.bundle_name", "note", "名字太长或含有看不见的字符，已换成可以登记的名字。", "名字要能登记和归档"),
    Rule("file.bundle_nested", "error", "压缩包里还有压缩包，里面的一层没有解开。", "只解一层，层层嵌套可能是陷阱"),
    Rule("file.bundle_path", "error", "压缩包里有指向包外的路径，出于安全没有解开。", "包外的路径会覆盖别的文件"),
    Rule("file.bundle_twin", "error", "压缩包里有两个同名的文件，看不出以哪一个为准。", "同名的两个文件不知采用哪个"),
    Rule("file.crash", "error", "打开这个文件时读取程序崩溃，内容很可能已损坏或被动过手脚，没有接收。", "崩溃的文件没有校验完，不算通过"),
    Rule("file.dtd", "error", "文件内部的 XML 带有 DTD（实体定义），正常的 Office 文件不会有，可能被动过手脚。", "实体展开会占满内存、读取别处的文件"),
    Rule("file.member_name", "error", "Office 文件内部有指向文件夹之外或看不见字符的文件名，正常的软件不会这样保存，没有接收。", "名字伪装成别处的路径"),
    Rule("file.polyglot", "error", "文件同时是 … 和…，像是被拼接过，没有接收。", "同一个文件两种打开方式，可能藏有别的内容"),
    Rule("file.program", "error", "文件里夹带了可执行程序或脚本，没有接收。", "程序可以带病毒"),
    Rule("file.remote_content", "error", "文件打开时会从别的地址载入模板或对象，可能带入恶意代码，没有接收。", "打开时会连到别处"),
    Rule("file.too_costly", "error", "校验这个文件用尽了…上限，没有接收。", "一个文件不应占用全部时间和内存"),
    Rule("file.classified", "held", "文件带有密级标志，已暂停处理，等待工作人员核实；本回执不复述任何内容。", "涉密材料不得进入本系统；文件名、正文、页眉页脚、批注和属性都查"),
    Rule("file.unclassified", "error", "看不出这是哪一项材料，没有登记。", "不在五个文件夹里，内容和名字也对不上"),
    Rule("file.unplaced", "error", "所在的文件夹不属于这次活动的任何一个地州市", "放在最外层、活动名或地州市不存在，不知该算谁的"),
    Rule("file.late", "warning", "迟报：收到时已过截止时间", "迟报的材料照收，并如实记录"),
    Rule("file.too_deep", "warning", "文件放在第 … 层以下的文件夹里，已取出，放到“…”里校验", "层层嵌套的文件夹会拖慢收件；单机内嵌的存储才这样取出"),
    Rule("file.duplicate", "note", "内容与已接收的文件完全相同，不重复计入", "同一份文件传两次只算一次"),
    Rule("file.too_many", "error", "…最多接收 … 个，已经收满，这一个没有接收。", "每项材料最多收几个写在活动文件里；已接收的不动，同名的照常替换"),
    Rule("file.released", "note", "经人工审核，予以接收：…", "待人工核实的文件由工作人员放行，理由写进回执和台账"),
    Rule("file.refused", "error", "经人工审核，不予接收：…", "待人工核实的文件由工作人员退回，理由写进回执和台账"),
    Rule("file.virus", "error", "文件里查出病毒，已隔离，没有打开。", "配置了 clamd 时，每个文件在打开之前先查毒"),
    Rule("file.not_scanned", "held warning", "没有查毒：…。", "没有查毒不等于没有病毒：待人工核实；视频总是太大，只由媒体库解析，照收并提醒"),
    Rule("file.personal_numbers", "warning", "文字里有…（…），公开前应当去掉。", "报告和报道会公开，身份证号、手机号是个人信息；身份证号须校验码、出生日期都对才算，回执里只写首尾几位"),
    Rule("report.not_read", "held", "这种格式或这么大的报告不能自动读取，等待工作人员核实。", "没有校验过的不算通过"),
    Rule("report.empty", "error", "总结报告里没有任何内容。", "多半传了空白模板"),
    Rule("report.scan", "warning", "总结报告像是扫描件：能打开，但没有可读取的文字，无法核对地州市和年份。", "扫描件可以作为凭据，但无法引用"),
    Rule("report.prefecture", "warning", "总结报告全文没有出现“…”，请确认没有传错文件。", "可能放错了目录；全称和简称有一个就行"),
    Rule("report.year", "warning", "总结报告全文没有出现“…”，请确认不是往年的报告。", "可能是去年的报告；写成二〇二三也认"),
    Rule("report.format", "note", "旧版 Word（doc）或 WPS 文件：已确认能打开，文字只作粗略检索；建议另存为 docx 报送。", "旧格式不能逐段读取，作为凭据照收"),
    Rule("report.sheet_differs", "warning", "总结报告里写的是“…”，而已接收的统计表里…填的是 …", "同一个数在两份材料里应当一致；与 X14 相同，报告后到时写在报告的回执里"),
    Rule("photo.damaged", "error", "图片打不开或只有一部分，文件已损坏。", "每张图片都完整解码到最后一行"),
    Rule("photo.pixels", "error", "图片像素过多（…），出于安全没有打开。", "极大的图片会占满内存，只看文件头就拒绝"),
    Rule("photo.size", "error", "图片太小：… 像素，最低要求 …（竖拍时长宽对调）。", "太小的图片不能印刷和展示"),
    Rule("photo.position", "note", "图片里记有拍摄位置（GPS），汇总和公开时会去掉。", "拍摄位置属于个人信息，让报送人知道"),
    Rule("photo.same_picture", "warning", "看上去与已接收的“…”是同一张照片（可能缩放或重新保存过），请确认", "缩小、重存的同一张照片不应算两张；连拍、裁剪不同的不算，拍摄时间不同的也不算"),
    Rule("photo.not_decoded", "held", "这种图片（…）不能自动检查，等待工作人员核实。", "没有校验过的不算通过"),
    Rule("press.not_read", "held", "这种格式或这么大的文件不能自动读取，等待工作人员核实。", "没有校验过的不算通过"),
    Rule("press.empty", "error", "文件里没有任何文字和图片。", "空文件不能证明有过报道"),
    Rule("press.link", "warning", "链接清单里没有找到网址。", "没有网址的清单无从核实"),
    Rule("video.container", "error note", "文件的真实格式是 …，不是要求的 …。", "通知要求 MOV 或 mpg，只改扩展名不算；MPEG-TS 按 mpg 接收并说明"),
    Rule("video.damaged", "error warning", "文件不完整：…", "没有传完或损坏的视频播放不了；文件头完好也要看结尾"),
    Rule("video.no_picture", "error", "文件里没有视频画面轨道。", "只有声音不是视频"),
    Rule("video.resolution", "error warning", "画面分辨率为 …，要求 …。", "通知的要求；像素不是方形的画面会变形，同样退回"),
    Rule("video.rotation", "error", "画面带有旋转标记（…°），播放时不是正的横向画面。", "竖拍的手机视频，像素数对而画面是竖的"),
    Rule("video.frame_rate", "error warning", "帧率为 …，要求 …。", "50i、25P 都是每秒 25 帧；个别丢帧只提醒"),
    Rule("video.scan", "error warning", "扫描方式为…，要求…。", "通知要求 50i 或 25P；文件没有写明时不猜，请人核实"),
    Rule("video.bit_rate", "error warning note", "视频码率 …，…于要求的 …（只算画面，不含声音）。", "通知要求 50 至 100 Mbps；容差以内照收并说明"),
    Rule("statistics.unreadable", "error", "统计表读不出来：…。", "文件损坏或不是表格，无从校验"),
    Rule("statistics.missing_table", "error", "找不到“…”这张表", "两张表缺一不可；按表头认表，与工作表的名称、次序无关"),
    Rule("statistics.spare_table", "warning", "工作表“…”里也有一张同样的表，没有采用", "两张同样的表只能采用一张，要让填报人知道"),
    Rule("statistics.hidden_sheet", "warning", "工作表“…”是隐藏的，按其中的数据校验", "隐藏的可能是旧数据"),
    Rule("statistics.too_many_rows", "error", "工作表“…”的范围太大，没有读完", "没有读完的表不能作数"),
    Rule("statistics.missing_column", "error", "工作表“…”的表头里找不到“…”这一列", "必填的列不能没有"),
    Rule("statistics.missing_indicator", "error warning", "缺少指标 … 这一行", "必填的指标不能没有，其他按没有填写计"),
    Rule("statistics.unknown_indicator", "warning", "“…”不是表式里的指标，这一行没有计入", "自添的行不汇总，要让填报人知道"),
    Rule("statistics.renamed_indicator", "warning", "指标名称“…”与表式不同，按序号 … 当作“…”", "名称改过，靠序号认出，请人确认"),
    Rule("statistics.repeated_indicator", "error note", "指标 … 出现了两次", "两行数字不同，不知以哪一行为准"),
    Rule("statistics.other_year", "error", "多数活动的日期不在 … 年，像是其他年份的统计表", "去年的表不能当今年的收"),
    Rule("statistics.old_template", "warning", "表头写的是“…”，不是 … 年的表", "旧模板的指标可能不同"),
    Rule("statistics.unit_unclear", "warning", "从填报单位“…”看不出是哪个地州市", "看不出是谁的表，就无法核对是否放错目录"),
    Rule("statistics.external_links", "warning", "工作簿里有指向其他文件的公式", "只能采用文件里保存的结果，可能已经过时"),
    Rule("statistics.required", "error", "…必须填写", "必填的格不能空着，也不能填“—”“无”"),
    Rule("statistics.number", "error", "…看不出是多少", "不是不小于 0 的数，不能汇总；负数、该是整数的小数、过大的数同样退回"),
    Rule("statistics.date", "error", "…不是日期", "没有日期就不知是否在活动周期间"),
    Rule("statistics.choice", "error", "…不在可选的词里", "分类要能汇总"),
    Rule("statistics.length", "error", "…太长", "太长的文字多半是填错了格"),
    Rule("statistics.formula", "error", "…是公式，文件里没有它的计算结果", "不猜别人的公式；公式出错的格同样退回"),
    Rule("statistics.worked_out", "note", "…是模板的公式，文件里没有结果，按公式算得 …", "模板自带的公式含义已知，不必退回"),
    Rule("statistics.normalised", "note", "…写成“…”，…", "写法不同而数值明确，换算后采用"),
    Rule("statistics.rounded", "warning", "…写成“…”，…", "约数按所写的数计，请人改成准确数"),
    Rule("statistics.unit", "warning", "计量单位写的是“…”，表式是“…”，已换算", "单位不同要换算，请人确认"),
    Rule("statistics.total_filled", "warning", "…的合计没有填，按线下、线上相加的 … 计", "合计可以推出，请人确认"),
    Rule("statistics.out_of_range", "error", "表里有数值大得无法登记", "多半把电话、编号填进了数字栏"),
)  # fmt: skip
