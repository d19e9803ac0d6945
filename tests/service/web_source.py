"""An https server that misbehaves as it is told, and a small proxy: sources of `image import` in tests."""

import http.server
import socket
import ssl
import subprocess
import threading
import time
import urllib.parse
from dataclasses import dataclass, field


def make_authority(folder):
    """An authority (ca.pem) and a server's certificate by it (server.pem, with its key)."""
    def openssl(*words):
        subprocess.run(["openssl", *words], check=True, capture_output=True, cwd=folder)
    openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
            "-subj", "/CN=test authority", "-keyout", "ca.key", "-out", "ca.pem")
    openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
            "-subj", "/CN=source", "-keyout", "server.key", "-out", "server.csr")
    (folder / "san").write_text("subjectAltName=IP:127.0.0.1,DNS:localhost\n")
    openssl("x509", "-req", "-in", "server.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial",
            "-days", "2", "-extfile", "san", "-out", "server.crt")
    (folder / "server.pem").write_text((folder / "server.crt").read_text() + (folder / "server.key").read_text())


@dataclass
class Page:
    """What one path answers."""
    content: bytes = b""
    etag: str = '"one"'
    cuts: list = field(default_factory=list)   # of each further answer: breaks off at this octet of the file
    hold_at: int = None                        # stops sending at this octet, keeps the connection
    ranges: bool = True
    length: int = None                         # a wrong Content-Length
    no_length: bool = False
    redirect: str = None
    errors: list = field(default_factory=list)  # statuses before the first good answer
    then: "Page" = None                        # takes over after the first answer
    asked: list = field(default_factory=list)  # Range of each request
    sent: int = 0                              # octets of bodies, all answers together
    held: threading.Event = field(default_factory=threading.Event)


class Source:
    """Pages by path, over https or http on a free port of 127.0.0.1."""

    def __init__(self, folder=None, pages=None):
        self.pages = pages if pages is not None else {}
        source = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                source.answer(self)

            def do_CONNECT(self):
                source.tunnel(self)

            def log_message(self, *words):
                pass

        class Server(http.server.ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, *words):
                pass  # clients are killed here

        self.server = Server(("127.0.0.1", 0), Handler)
        self.scheme = "http"
        self.tunnels = []
        if folder:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(folder / "server.pem")
            self.server.socket = context.wrap_socket(self.server.socket, server_side=True,
                                                     do_handshake_on_connect=False)
            self.scheme = "https"
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def url(self, path):
        return f"{self.scheme}://127.0.0.1:{self.port}{path}"

    def close(self):
        self.server.shutdown()
        self.server.server_close()

    def answer(self, request):
        path = urllib.parse.urlsplit(request.path).path
        page = self.pages.get(path)
        if page is None:
            return self.plain(request, 404)
        page.asked.append(request.headers.get("Range"))
        if page.then is not None and len(page.asked) > 1:
            return self.serve(request, page.then)
        return self.serve(request, page)

    def plain(self, request, status, headers=()):
        request.send_response(status)
        for name, value in headers:
            request.send_header(name, value)
        request.send_header("Content-Length", "0")
        request.end_headers()

    def serve(self, request, page):
        if page.redirect:
            return self.plain(request, 302, [("Location", page.redirect)])
        if page.errors:
            return self.plain(request, page.errors.pop(0))
        first = 0
        wanted = request.headers.get("Range")
        condition = request.headers.get("If-Range")
        if wanted and page.ranges and condition in (None, page.etag):
            first = int(wanted.removeprefix("bytes=").split("-")[0])
            if first >= len(page.content):
                return self.plain(request, 416, [("Content-Range", f"bytes */{len(page.content)}")])
            request.send_response(206)
            request.send_header("Content-Range", f"bytes {first}-{len(page.content) - 1}/{len(page.content)}")
        else:
            request.send_response(200)
        if page.etag:
            request.send_header("ETag", page.etag)
        if page.no_length:
            request.send_header("Connection", "close")
        else:
            length = page.length if page.length is not None else len(page.content) - first
            request.send_header("Content-Length", str(length))
        request.end_headers()
        self.body(request, page, first)

    def body(self, request, page, first):
        end = page.cuts.pop(0) if page.cuts else len(page.content)
        stop = min(end, page.hold_at) if page.hold_at is not None else end
        at = first
        while at < stop:
            piece = page.content[at:min(at + 65536, stop)]
            request.wfile.write(piece)
            page.sent += len(piece)
            at += len(piece)
        request.wfile.flush()
        if page.hold_at is not None and page.hold_at <= end:
            page.held.set()
            time.sleep(120)
        if at < len(page.content) or page.no_length or page.length is not None:
            request.close_connection = True
            request.connection.shutdown(socket.SHUT_RDWR)

    def tunnel(self, request):
        """A proxy's CONNECT."""
        self.tunnels.append(request.path)
        host, port = request.path.rsplit(":", 1)
        with socket.create_connection((host, int(port))) as other:
            request.wfile.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
            request.wfile.flush()
            back = threading.Thread(target=pass_on, args=(other, request.connection), daemon=True)
            back.start()
            pass_on(request.connection, other)
            back.join()
        request.close_connection = True


def pass_on(source, target):
    try:
        while data := source.recv(65536):
            target.sendall(data)
    except OSError:
        pass
    for end in (source, target):
        try:
            end.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
