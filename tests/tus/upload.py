"""One upload by tuspy as it is published; prints the upload's address.

    python upload.py plain|checksum URL TOKEN FILE METADATA
"""

import json
import sys

from tusclient.client import TusClient

how, endpoint, token, path, metadata = sys.argv[1:]
uploader = TusClient(endpoint, headers={"Authorization": f"Bearer {token}"}).uploader(
    path,
    chunk_size=1024 * 1024,
    metadata=json.loads(metadata),
    retries=20,
    retry_delay=0.05,
    upload_checksum=how == "checksum",
)
uploader.upload()
print(uploader.url)
