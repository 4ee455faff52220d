"""An S3 server with one bucket, "rows". Says its port; then answers each line it is given: "list" with the names and
sizes of all objects, "parts" with how many uploads were begun and not ended, as JSON. Ends with its input."""

import contextlib
import json
import logging
import sys

import boto3
from moto.server import ThreadedMotoServer

logging.getLogger("werkzeug").setLevel(logging.ERROR)
with contextlib.redirect_stdout(sys.stderr):
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0)
    server.start()
_, port = server.get_host_and_port()
bucket = boto3.client(
    "s3",
    endpoint_url=f"http://127.0.0.1:{port}",
    aws_access_key_id="test",
    aws_secret_access_key="test",
    region_name="us-east-1",
)
bucket.create_bucket(Bucket="rows")
print(port, flush=True)
for line in sys.stdin:
    if line.strip() == "list":
        found = bucket.list_objects_v2(Bucket="rows").get("Contents", [])
        answer = [[entry["Key"], entry["Size"]] for entry in found]
    else:
        answer = len(bucket.list_multipart_uploads(Bucket="rows").get("Uploads", []))
    print(json.dumps(answer), flush=True)
server.stop()
