"""Serve this folder on http://127.0.0.1:8000 under the strictest policy that the page works with.

Fetch the runtime once, and put an exported net beside the page:

    npm pack onnxruntime-web@1.30.0
    tar xzf onnxruntime-web-1.30.0.tgz package/dist && mv package/dist examples/web/ort
    kincap export best.ckpt --format onnx --out examples/web/net.onnx
    python examples/web/serve.py
"""

import sys
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

POLICY = "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'"


class Handler(SimpleHTTPRequestHandler):
    """Adds the policy, and the types of modules and WebAssembly that some systems lack."""

    extensions_map = {
        **SimpleHTTPRequestHandler.extensions_map, ".mjs": "text/javascript",
        ".js": "text/javascript", ".wasm": "application/wasm",
    }  # fmt: skip

    def end_headers(self) -> None:
        """Send the policy with every answer."""
        self.send_header("Content-Security-Policy", POLICY)
        super().end_headers()

    def log_message(self, *_: object) -> None:
        """Print nothing for each request."""


def serve(folder: Path, port: int) -> ThreadingHTTPServer:
    """Return a server of a folder on loopback; port 0 takes any free one."""
    return ThreadingHTTPServer(("127.0.0.1", port), partial(Handler, directory=str(folder)))


if __name__ == "__main__":
    server = serve(Path(__file__).parent, int(sys.argv[1]) if len(sys.argv) > 1 else 8000)
    print(f"http://127.0.0.1:{server.server_port}/", flush=True)
    server.serve_forever()
