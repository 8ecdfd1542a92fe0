"""An emulated Nitro enclave: QEMU's nitro-enclave machine without KVM, and the backend of its vsock. VERONNX_QEMU is the command,
with options for its firmware where it needs them (tools/peers.sh qemu)."""
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

SOURCE = Path(__file__).resolve().parents[2]
SELFTEST = "veronnx-selftest: "
# QEMU looks at a device's queue when the guest says so and not also by itself, when the driver starts: its security module would take the
# half of a request for a fault, and answer no more.
NOTIFIED = "virtio-mmio.ioeventfd=off"


class Enclave:
    """`with Enclave(image) as e`: `options` are QEMU's; image/peers/vsock.py has its HOST in `folder`; `console` grows."""

    def __init__(self, image, *options, memory="2G"):
        self.folder = Path(tempfile.mkdtemp(prefix="enclave-"))
        self.console_file = (self.folder / "console").open("wb")
        self.backend = subprocess.Popen([sys.executable, SOURCE / "image/peers/vsock.py", self.folder / "device",
                                         self.folder / "host"])
        self.wait_for(lambda: (self.folder / "device").exists(), 30)
        self.started = time.monotonic()
        self.machine = subprocess.Popen(
            [*os.environ["VERONNX_QEMU"].split(), "-M", "nitro-enclave,vsock=c,id=enclave", "-accel", "tcg,thread=multi", "-cpu", "max",
             "-smp", "2", "-m", memory, "-kernel", image, "-nographic", "-no-reboot", "-chardev", f"socket,id=c,path={self.folder}/device",
             "-global", NOTIFIED, *options],
            stdin=subprocess.DEVNULL, stdout=self.console_file, stderr=subprocess.STDOUT)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for process in (self.machine, self.backend):
            process.kill()
            process.wait()
        self.console_file.close()
        shutil.rmtree(self.folder)

    @property
    def console(self):
        return (self.folder / "console").read_text(errors="replace")

    def wait_for(self, condition, seconds):
        """True when it came true in time."""
        until = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > until:
                return False
            time.sleep(0.1)
        return True

    def stages(self):
        """What the selftest said so far."""
        lines = self.console.replace("\r", "").split("\n")[:-1]
        return [json.loads(line[len(SELFTEST):]) for line in lines if line.startswith(SELFTEST)]
