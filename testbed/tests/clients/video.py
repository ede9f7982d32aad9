"""ffprobe plays a camera with the right password and is turned away with a wrong one: HOST CODEC SIZE FPS."""

import json
import os
import sys

from judge import expect, finish, run

HOST, CODEC, SIZE, FPS = sys.argv[1:]
USER, PASSWORD = os.environ["TESTBED_CAMERA_USER"], os.environ["TESTBED_CAMERA_PASSWORD"]
FRAMES = 15


def probe(password):
    arguments = ["-v", "error", "-rtsp_transport", "tcp", "-analyzeduration", "1000000", "-count_frames"]
    arguments += ["-read_intervals", f"%+#{FRAMES}", "-select_streams", "v", "-of", "json", "-show_entries"]
    entries = "stream=codec_name,width,height,r_frame_rate,nb_read_frames"
    return run("ffprobe", *arguments, entries, f"rtsp://{USER}:{password}@{HOST}:554/stream")


status, out, err = probe(PASSWORD)
print(err, end="", file=sys.stderr)
expect("exit status of ffprobe", status, 0)
stream = json.loads(out)["streams"][0] if status == 0 else {}
expect("codec", stream.get("codec_name"), CODEC)
expect("size", f"{stream.get('width')}x{stream.get('height')}", SIZE)
expect("frames per second", stream.get("r_frame_rate"), f"{FPS}/1")
expect(f"{FRAMES} frames were decoded", int(stream.get("nb_read_frames", 0)) >= FRAMES, True)

status, _, err = probe("wrong")
expect("a wrong password is refused", (status != 0, "401 Unauthorized" in err), (True, True))
finish()
