// Previews by sharp (libvips) as its manual shows them: shrunk while loading, upright, the smaller made of the larger.
// One thread, no cache of operations. `node sharp_previews.mjs FOLDER SECONDS`; prints one JSON object.
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import sharp from 'sharp';

sharp.concurrency(1);
sharp.cache(false);

const [folder, seconds] = [process.argv[2], Number(process.argv[3])];
const pictures = readdirSync(folder).sort().map((name) => join(folder, name));

async function shown(picture) {
  const within = (px) => ({ width: px, height: px, fit: 'inside', withoutEnlargement: true });
  const large = await sharp(picture).rotate().resize(within(1600)).jpeg({ quality: 82 }).toBuffer({ resolveWithObject: true });
  const small = await sharp(large.data).resize(within(320)).jpeg({ quality: 82 }).toBuffer({ resolveWithObject: true });
  return Math.max(large.info.width, large.info.height) === 1600 && Math.max(small.info.width, small.info.height) === 320;
}

let sound = true;
for (const picture of pictures) sound = (await shown(picture)) && sound;
const cpu = process.cpuUsage();
const begun = performance.now();
let done = 0;
while (performance.now() - begun < seconds * 1000) {
  sound = (await shown(pictures[done % pictures.length])) && sound;
  done += 1;
}
const elapsed = (performance.now() - begun) / 1000;
const used = process.cpuUsage(cpu);
console.log(JSON.stringify({
  images: done,
  images_per_s: Number((done / elapsed).toFixed(2)),
  cpu_ms_per_image: Number(((used.user + used.system) / 1000 / done).toFixed(1)),
  peak_mib: Number((process.resourceUsage().maxRSS / 1024).toFixed(1)),
  version: `sharp ${sharp.versions.sharp}, libvips ${sharp.versions.vips}`,
  sound,
}));
