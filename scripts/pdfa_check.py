"""Looks at papers with several programs that share no code; ends with 1 when any of them finds a fault. See scripts/pdfa."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pdf_oxide
import pypdf
from pypdf.generic import DictionaryObject, NameObject, TextStringObject

# What there must be: a check of nothing finds no fault.
KINDS = {
    "police_on_scene", "police", "people", "sealed", "minutes", "volume", "receipt", "delivery", "refused", "slip80",
    "slip58",
}


def run(*command):
    done = subprocess.run(command, capture_output=True, text=True)
    return done.returncode, done.stdout, done.stderr


def walk(value, seen):
    """Every object below one, each once."""
    value = value.get_object() if hasattr(value, "get_object") else value
    if id(value) in seen:
        return
    seen.add(id(value))
    yield value
    if isinstance(value, dict):
        for part in value.values():
            yield from walk(part, seen)
    elif isinstance(value, list):
        for part in value:
            yield from walk(part, seen)


def structure(path):
    """What ISO 19005-2 asks of a file at level U, as far as this kind of file has it."""
    faults = []
    raw = path.read_bytes()
    reader = pypdf.PdfReader(path)
    if not re.match(rb"%PDF-1\.[0-7]\r?\n%[\x80-\xff]{4}", raw):
        faults.append("6.1.2: no header with four bytes above 127")
    if reader.is_encrypted:
        return [*faults, "6.1.3: encrypted"]
    if "/ID" not in reader.trailer:
        faults.append("6.1.3: no file identifier")
    root = reader.trailer["/Root"]
    intents = [intent.get_object() for intent in root.get("/OutputIntents", [])]
    if not any(intent.get("/S") == "/GTS_PDFA1" and "/DestOutputProfile" in intent for intent in intents):
        faults.append("6.2.3: no output intent with a profile")
    if "/AcroForm" in root or "/OpenAction" in root or "/AA" in root or "/JavaScript" in root.get("/Names", {}):
        faults.append("6.5: an action or a form")
    if "/Metadata" not in root:
        faults.append("6.6.2: no metadata")
    else:
        stream = root["/Metadata"].get_object()
        xmp = stream.get_data().decode()
        if "/Filter" in stream:
            faults.append("6.6.2: metadata that cannot be read without a filter")
        part, level = re.search(r"pdfaid:part\W*(\d)", xmp), re.search(r"pdfaid:conformance\W*(\w)", xmp)
        if not part or not level or (part[1], level[1]) != ("2", "U"):
            faults.append("6.6.4: does not say that it is PDF/A-2u")
        info = reader.metadata or {}
        if info.get("/Title") and info["/Title"] not in xmp:
            faults.append("6.6.3: title and metadata differ")
        if not re.search(r"<dc:title>", xmp) or not re.search(r"xmp:CreateDate", xmp):
            faults.append("6.6.2: no title or no date")
    fonts = 0
    for value in walk(root, set()):
        if not isinstance(value, dict):
            continue
        if value.get("/S") in ("/Launch", "/Sound", "/Movie", "/JavaScript", "/ImportData", "/ResetForm"):
            faults.append(f"6.5.1: an action {value['/S']}")
        if value.get("/Filter") == "/LZWDecode" or "/F" in value and "/Length" in value:
            faults.append("6.1.7: a filter or an outside file that is not allowed")
        if value.get("/Subtype") == "/Image" and value.get("/Interpolate"):
            faults.append("6.2.8: an image that is interpolated")
        if value.get("/Type") != "/Font" or "/DescendantFonts" not in value:
            continue
        fonts += 1
        name = value.get("/BaseFont")
        below = value["/DescendantFonts"][0].get_object()
        descriptor = below.get("/FontDescriptor", DictionaryObject()).get_object()
        if not any(key in descriptor for key in ("/FontFile", "/FontFile2", "/FontFile3")):
            faults.append(f"6.2.11.4: {name} is not in the file")
        if "/ToUnicode" not in value:
            faults.append(f"6.2.11.7: {name} does not say its characters")
        else:
            codes = value["/ToUnicode"].get_object().get_data().decode("latin-1")
            for text in re.findall(r"<[0-9A-Fa-f]+>\s*<([0-9A-Fa-f]+)>", codes):
                if text.upper() in ("0000", "FEFF", "FFFE"):
                    faults.append(f"6.2.11.7: {name} has a character U+{text}")
        if "/CIDToGIDMap" not in below and below.get("/Subtype") == "/CIDFontType2":
            faults.append(f"6.2.11.3: {name} does not say its glyphs")
    if not fonts:
        faults.append("no font at all")
    return faults


def outside(path):
    """What other programs say."""
    faults = []
    told = pdf_oxide.PdfDocument(str(path)).validate_pdf_a("2u")
    if not told["valid"]:
        faults += [f"pdf_oxide: {fault}" for fault in told["errors"]] or ["pdf_oxide: not valid"]
    code, out, err = run("qpdf", "--check", str(path))
    if code != 0:
        faults.append(f"qpdf: {out}{err}")
    code, out, err = run("pdffonts", str(path))
    rows = [line.split()[::-1] for line in out.splitlines()[2:]]
    faults += [f"pdffonts: {' '.join(row[::-1])}" for row in rows if row[2:5] != ["yes", "yes", "yes"]]
    code, text, err = run("pdftotext", "-enc", "UTF-8", str(path), "-")
    if code != 0 or len(text.strip()) < 40 or "\ufffd" in text:
        faults.append(f"pdftotext: {err or 'no text, or text with holes'}")
    code, out, err = run("pdfinfo", str(path))
    if code != 0 or "Title:" not in out or "Encrypted:       no" not in out:
        faults.append(f"pdfinfo: {out}{err}")
    if shutil.which("verapdf"):
        code, out, err = run("verapdf", "--flavour", "2u", "--format", "text", str(path))
        if not out.startswith("PASS"):
            faults.append(f"veraPDF: {out}{err}")
    return faults


def coded(path):
    """What a camera reads on its first page against what is printed."""
    pictures = sorted(path.parent.glob(f"{path.stem}-*.png"))
    _, text, _ = run("pdftotext", "-raw", "-enc", "UTF-8", str(path), "-")
    code, out, err = run("zbarimg", "--quiet", "--raw", str(pictures[0]))
    read = out.strip()
    if code != 0 or not read.startswith("https://"):
        return [f"zbar: no code: {err}"]
    return [] if read in "".join(text.split()) else [f"zbar: {read} is not the printed address"]


def broken(path, folder):
    """The same paper with one fault each; a check that lets one through is none."""
    def saved(name, change):
        writer = pypdf.PdfWriter(clone_from=path)
        change(writer)
        writer.write(folder / f"{name}.pdf")
        return folder / f"{name}.pdf"

    def font_of(writer):
        fonts = (value for value in walk(writer._root_object, set()) if isinstance(value, dict))
        return next(value for value in fonts if value.get("/Type") == "/Font" and "/DescendantFonts" in value)

    def no_font(writer):
        descriptor = font_of(writer)["/DescendantFonts"][0].get_object()["/FontDescriptor"].get_object()
        for key in ("/FontFile", "/FontFile2", "/FontFile3"):
            descriptor.pop(key, None)

    def action(writer):
        writer._root_object[NameObject("/OpenAction")] = DictionaryObject(
            {NameObject("/S"): NameObject("/JavaScript"), NameObject("/JS"): TextStringObject("app.alert(1)")}
        )

    return [
        saved("no_intent", lambda writer: writer._root_object.pop("/OutputIntents")),
        saved("no_metadata", lambda writer: writer._root_object.pop("/Metadata")),
        saved("no_unicode", lambda writer: font_of(writer).pop("/ToUnicode")),
        saved("no_font", no_font),
        saved("action", action),
        saved("encrypted", lambda writer: writer.encrypt("", "owner")),
    ]


def main():
    papers = sorted(Path(sys.argv[1]).glob("*.pdf"))
    missing = KINDS - {path.stem for path in papers}
    if missing:
        sys.exit(f"no paper of these kinds: {sorted(missing)}")
    folder = papers[0].parent / "broken"
    folder.mkdir()
    for path in broken(papers[0], folder):
        if not structure(path):
            sys.exit(f"a paper with the fault {path.stem} was not refused")
    bad = 0
    for path in papers:
        faults = structure(path) + outside(path) + coded(path)
        print(f"{path.stem}: {'ok' if not faults else 'FAILED'}")
        for fault in faults:
            print(f"    {fault}")
        bad += bool(faults)
    print(f"{len(papers) - bad} papers valid, {bad} not")
    sys.exit(bool(bad))


main()
