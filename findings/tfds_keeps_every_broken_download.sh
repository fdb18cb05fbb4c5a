#!/usr/bin/env bash
# tensorflow-datasets 4.9.10 neither continues a broken download nor removes it: each try leaves its part for good.
#
# The part lies in a folder with a random name, ARCHIVE.tmp.NUMBER, which no later run looks at. The next run asks for
# the whole file, also of a host that offers ranges, so an archive of 2.6 GB whose connection breaks three times leaves
# up to 8 GB beside the data. Seen on Python 3.11 with requests 2.32.5, two runs against a host that sends half a file:
#
#     asked for ranges: [None, None]
#     left behind: 2 parts of 999424 bytes
#
# Fails if that changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet tensorflow-datasets==4.9.10 importlib_resources==6.5.2 requests==2.32.5
cd "$folder"
cat > broken.py <<'PYTHON'
import http.server
import pathlib
import threading

import requests
import tensorflow_datasets as tfds

SIZE = 2_000_000
asked = []


class Host(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        asked.append(self.headers.get("Range"))
        self.send_response(200)
        self.send_header("Accept-Ranges", "bytes")
        self.send_header("Content-Length", str(SIZE))
        self.end_headers()
        self.wfile.write(bytes(SIZE // 2))

    def log_message(self, *_):
        pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Host)
threading.Thread(target=server.serve_forever, daemon=True).start()
for _ in range(2):
    manager = tfds.download.DownloadManager(download_dir="downloads")
    try:
        manager.download(f"http://127.0.0.1:{server.server_port}/archive.tar.gz")
    except requests.exceptions.ChunkedEncodingError:
        pass
sizes = [part.stat().st_size for part in pathlib.Path("downloads").glob("*.tmp.*/archive.tar.gz")]
print(f"asked for ranges: {asked}")
print(f"left behind: {len(sizes)} parts of {', '.join(map(str, sorted(set(sizes))))} bytes")
PYTHON
found=$(no_proxy='*' venv/bin/python broken.py 2>log)
echo "$found"
[ "$found" = "asked for ranges: [None, None]
left behind: 2 parts of 999424 bytes" ]
