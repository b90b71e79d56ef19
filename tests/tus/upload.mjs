// One upload by a public client as it is published; prints the upload's address.
//
//   node upload.mjs tus|parts|uppy URL TOKEN FILE METADATA
import { createReadStream, readFileSync } from 'node:fs'
import { Upload } from 'tus-js-client'

const [how, endpoint, token, path, metadata] = process.argv.slice(2)
const common = {
  endpoint,
  headers: { Authorization: `Bearer ${token}` },
  chunkSize: 2 * 1024 * 1024,
  // Begins anew whenever some bytes were taken, so that only a link that never works ends it.
  retryDelays: [0, 50, 100, 200, 400, 800, 1600],
}

function byTus(more) {
  return new Promise((resolve, reject) => {
    const upload = new Upload(createReadStream(path), {
      ...common,
      ...more,
      metadata: JSON.parse(metadata),
      onError: reject,
      onSuccess: () => resolve(upload.url),
    })
    upload.start()
  })
}

async function byUppy() {
  const { default: Uppy } = await import('@uppy/core')
  const { default: Tus } = await import('@uppy/tus')
  const uppy = new Uppy().use(Tus, { ...common, allowedMetaFields: true })
  const data = readFileSync(path)
  const meta = JSON.parse(metadata)
  uppy.addFile({ name: meta.filename, type: 'video/mp4', data, size: data.length, meta })
  const { successful, failed } = await uppy.upload()
  if (failed.length > 0) throw new Error(failed[0].error)
  return successful[0].uploadURL
}

const ways = { tus: () => byTus({}), parts: () => byTus({ parallelUploads: 3 }), uppy: byUppy }
console.log(await ways[how]())
// Connections that are kept open must not keep the process.
process.exit(0)
