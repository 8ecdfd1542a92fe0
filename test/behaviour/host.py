"""`veronnx host` beside a node that has nothing but Unix sockets, and the two of them together.

    with Enclave() as enclave:
        status, headers, body = enclave.infer("double")     # through the forwarder"""
import pathlib
import re
import shutil
import signal
import subprocess
import tempfile

from node import BIN, SLOW, Node, check, equal, wait_for
from parent import POLICY, EnclaveNode


class Folder:
    """Where the sockets of both are; takes the place of a Parent."""

    def __init__(self):
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="veronnx-host-"))

    def address(self, name):
        return f"unix:{self.dir / name}"


class Host:
    """Forwards a port of loopback to each of `to`, sockets in the folder: the one in `ports`, else a free one."""

    def __init__(self, folder, *options, to=("node",), ports=None, text="[node]\n" + POLICY):
        at = folder.address
        self.folder = folder
        (folder.dir / "host.conf").write_text(text)
        self.command = [BIN / "veronnx", "host", "--config", folder.dir / "host.conf", "--config-at", at("config"), "--blocks-at", at("blocks"),
                        "--log-at", at("log"), "--boot-at", at("boot"), "--store", folder.dir / "store"]
        for name in to:
            port = (ports or {}).get(name, 0)
            self.command += ["--forward", f"tcp:127.0.0.1:{port}={name if ':' in name else at(name)}"]
        self.command += options
        self.to = to

    def start(self):
        self.out = open(self.folder.dir / "host.out", "ab")
        self.err = open(self.folder.dir / "host.err", "ab")
        self.process = subprocess.Popen([str(word) for word in self.command], stdout=self.out, stderr=self.err, env={})
        line = r"^veronnx host: tcp:127\.0\.0\.1:(\d+) to "
        wait_for("the host listens", lambda: len(re.findall(line, self.printed(), re.M)) >= len(self.to) or self.process.poll() is not None)
        check(self.process.poll() is None, f"the host ended with {self.process.returncode}: {self.complaints()}")
        self.ports = [int(port) for port in re.findall(line, self.printed(), re.M)[-len(self.to):]]
        return self

    def printed(self):
        return (self.folder.dir / "host.out").read_text()

    def complaints(self):
        return (self.folder.dir / "host.err").read_text()

    def stop(self, number=signal.SIGTERM, seconds=40):
        self.process.send_signal(number)
        status = self.process.wait(seconds * SLOW)
        self.out.close()
        self.err.close()
        return status


class Enclave(EnclaveNode):
    """The node, its host, and all requests through the forwarder."""

    def __init__(self, *options, text="[node]\n" + POLICY, host_options=(), host_ports=None, **more):
        self.host_options = host_options
        self.host_ports = host_ports
        self.text = text
        super().__init__(Folder(), *options, **more)

    def start(self):
        self.host = Host(self.parent, "--store", str(self.dir / "store"), *self.host_options, to=("node", "admin"), ports=self.host_ports,
                         text=self.text)
        self.host.command = [w for n, w in enumerate(self.host.command) if not (w == self.parent.dir / "store" or (
            w == "--store" and self.host.command[n + 1] == self.parent.dir / "store"))]
        (self.dir / "store").mkdir(exist_ok=True)
        self.host.start()
        super().start()
        self.port, self.admin_port = self.host.ports

    def connect(self, timeout=30):
        return Node.connect(self, timeout)

    def admin(self, method, path, document=None):
        return Node.admin(self, method, path, document)

    def __exit__(self, kind, *rest):
        try:
            super().__exit__(kind, *rest)
            if kind is None:
                equal(self.host.stop(), 0, f"exit status of the host: {self.host.complaints()}")
        finally:
            if kind is not None:
                print("--- the host ---", self.host.complaints(), sep="\n")
            if self.host.process.poll() is None:
                self.host.process.kill()
                self.host.process.wait()
            shutil.rmtree(self.parent.dir)
