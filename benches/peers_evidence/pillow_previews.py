"""Previews by Pillow with an explicit draft: decoded at a part of the size, upright, the smaller made of the larger.

`python pillow_previews.py FOLDER SECONDS`; prints one JSON object.
"""

import io
import json
import os
import resource
import sys
import time

import PIL
from PIL import Image, ImageOps


def written(image):
    out = io.BytesIO()
    image.save(out, "JPEG", quality=82)
    return out.getvalue()


def shown(picture):
    with Image.open(picture) as image:
        longest = max(image.size)
        image.draft("RGB", tuple(side * 1600 // longest for side in image.size))
        image.thumbnail((1600, 1600), Image.Resampling.LANCZOS, reducing_gap=None)
        large = ImageOps.exif_transpose(image)
        small = large.copy()
        small.thumbnail((320, 320), Image.Resampling.LANCZOS)
        written(large), written(small)
        return max(large.size) == 1600 and max(small.size) == 320


def main():
    folder, seconds = sys.argv[1], float(sys.argv[2])
    pictures = sorted(os.path.join(folder, name) for name in os.listdir(folder))
    sound = all([shown(picture) for picture in pictures])
    cpu, begun, done = time.process_time(), time.perf_counter(), 0
    while time.perf_counter() - begun < seconds:
        sound = shown(pictures[done % len(pictures)]) and sound
        done += 1
    elapsed = time.perf_counter() - begun
    print(json.dumps({
        "images": done, "images_per_s": round(done / elapsed, 2),
        "cpu_ms_per_image": round((time.process_time() - cpu) * 1e3 / done, 1),
        "peak_mib": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1),
        "version": f"Pillow {PIL.__version__}", "sound": sound,
    }))


main()
