"""The same paper by WeasyPrint, from HTML: PDF/A-2u with the same fonts, tables, signatures as SVG, a code as SVG.

`python weasyprint_papers.py SECONDS`; prints one JSON object.
"""

import json
import math
import resource
import sys
import time

import weasyprint
from weasyprint.text.fonts import FontConfiguration

STYLE = """@page { size: A4; margin: 37mm 26mm 35mm 28mm; @bottom-right { content: "第 " counter(page) " 页 共 " counter(pages) " 页"; } }
body { font: 12pt/1.75 "Noto Serif CJK SC"; } h1 { text-align: center; font-size: 22pt; } h2 { font-size: 12pt; }
table { border-collapse: collapse; width: 100%; } td, th { border: 0.5pt solid; padding: 2pt 4pt; font-size: 10.5pt; }
p { text-indent: 2em; margin: 0; text-align: justify; } svg { width: 60mm; height: 20mm; }"""
PARTY = [("姓名", "{}"), ("性别", "男"), ("民族", "汉族"), ("出生日期", "1988年11月17日（38岁）"), ("职业", "个体经营者"),
         ("身份证件", "居民身份证 320413198811170019"), ("工作单位", "便民果蔬店"), ("联系方式", "13800138000"),
         ("现住址", "江苏省常州市金坛区东门大街18号2幢")]
FACTS = "王海燕下楼与摊主刘强理论，刘强推倒王海燕，致其左手腕擦伤；围观群众劝开后报警。" * 3


def signature(seed):
    lines = []
    for n in range(8):
        turn = seed * 7 + n * 13
        points = (f"{80 + n * 100 + t / 30 * 80:.1f},{400 + math.sin(t / 5 + turn) * 120:.1f}" for t in range(31))
        lines.append(f'<polyline fill="none" stroke="black" stroke-width="12" points="{" ".join(points)}"/>')
    return f'<svg viewBox="0 200 1000 400">{"".join(lines)}</svg>'


def code(n):
    cells = (f'<rect x="{x}" y="{y}" width="1" height="1"/>' for x in range(37) for y in range(37) if (x * 7 + y * 13 + n) % 5 < 2)
    return f'<svg viewBox="0 0 37 37" style="width:20mm">{"".join(cells)}</svg>'


def paper(n):
    parties = "".join(
        "<table>" + "".join(f"<tr><th>{key}</th><td>{value.format(name)}</td></tr>" for key, value in PARTY) + "</table><br>"
        for name in ("刘强", "王海燕"))
    return f"""<!doctype html><html lang="zh-CN"><title>治安调解协议书</title><style>{STYLE}</style>
<h1>常州市公安局金坛分局城中派出所<br>治安调解协议书</h1><p>编号：坛公（城中）治调字〔2026〕第{n + 1:06}号</p>
<table><tr><th>主持人</th><td>周明</td><th>单位职务</th><td>城中派出所 民警</td></tr>
<tr><th>调解地点</th><td colspan=3>城中派出所调解室</td></tr><tr><th>调解时间</th><td colspan=3>2026年11月23日14时5分至15时15分</td></tr></table>
<h2>一、当事人基本情况</h2>{parties}<h2>三、主要事实</h2><p><b>起因：</b>楼上住户与烧烤摊主因油烟、噪声长期不和。</p>
<p><b>经过和情节：</b>{FACTS}</p><p><b>结果：</b>王海燕左手腕软组织挫伤，医疗费八百六十元。</p>
<h2>四、协议内容、履行期限和方式</h2><table><tr><th>条款</th><th>义务人</th><th>权利人</th><th>金额</th><th>履行期限</th><th>履行方式</th></tr>
<tr><td>1</td><td>刘强</td><td>王海燕</td><td>人民币壹仟捌佰陆拾元整（¥1,860.00）</td><td>2026年12月14日前</td><td>银行转账</td></tr></table>
<p>本协议自当事人签名之时起生效。本协议书由周明于2026年11月23日15时10分向双方当事人宣读，双方当事人表示听清并理解全部内容，没有异议。</p>
<table><tr><td>甲方签名{signature(3 + n)}</td><td>乙方签名{signature(11 + n)}</td></tr><tr><td>主持人签名{signature(23 + n)}</td><td>{code(n)}</td></tr></table></html>"""


def main():
    seconds, fonts = float(sys.argv[1]), FontConfiguration()
    made = lambda n: weasyprint.HTML(string=paper(n)).write_pdf(pdf_variant="pdf/a-2u", font_config=fonts)
    begun = time.perf_counter()
    last = made(0)
    first, times = (time.perf_counter() - begun) * 1e3, []
    cpu, begun = time.process_time(), time.perf_counter()
    while time.perf_counter() - begun < seconds:
        one = time.perf_counter()
        last = made(len(times))
        times.append((time.perf_counter() - one) * 1e3)
    elapsed, cpu = time.perf_counter() - begun, time.process_time() - cpu
    times.sort()
    print(json.dumps({
        "papers": len(times), "papers_per_s": round(len(times) / elapsed, 2), "p50_ms": round(times[len(times) // 2], 2),
        "p99_ms": round(times[len(times) * 99 // 100], 2), "first_ms": round(first, 1),
        "cpu_ms_per_paper": round(cpu * 1e3 / len(times), 2), "kib": round(len(last) / 1024, 1),
        "peak_mib": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1),
        "version": f"WeasyPrint {weasyprint.__version__}", "sound": last.startswith(b"%PDF-1.7"),
    }))
    if len(sys.argv) > 2:
        with open(sys.argv[2], "wb") as out:
            out.write(last)


main()
