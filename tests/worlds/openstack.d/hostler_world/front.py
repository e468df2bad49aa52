"""The front door: a proxy that logs every request of a user and can make it fail.

It stands where a real cloud has its load balancer, and answers 503 as one does while the service behind is away.
"""

import http.client
import json
import select
import socket
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from . import faults, node_api
from .settings import APIS, LOG, NODE_API, Api

# Headers of a single connection.
HOP = {'connection', 'keep-alive', 'transfer-encoding', 'te', 'trailer', 'upgrade', 'content-length', 'expect'}

Answer = tuple[int, list[tuple[str, str]], bytes]


class Door(BaseHTTPRequestHandler):
    protocol_version = 'HTTP/1.1'
    # Send head and body of a response in one packet: the client's delayed ACK would cost 40 ms.
    wbufsize = -1
    api: Api

    def handle_one_request(self) -> None:
        try:
            super().handle_one_request()
        except OSError:  # the client disconnected
            self.close_connection = True

    def __getattr__(self, name: str) -> object:
        if name.startswith('do_'):
            return self.serve
        raise AttributeError(name)

    def serve(self) -> None:
        begun = time.time()
        body = self.body()
        fault = faults.striking(self.api.name, self.command, self.path)
        status = self.answer(fault, body)
        _write_down(begun, self.api.name, self.command, self.path, status, fault)

    def answer(self, fault: faults.Fault | None, body: bytes) -> int:
        """Responds and returns the status. 0: no response."""
        if fault is None:
            return self.reply(self.behind(body))
        if fault.how == 'status':
            return self.reply(_refusal(int(fault.value)))
        if fault.how == 'slow':
            time.sleep(fault.value)
            return self.reply(self.behind(body))
        if fault.how == 'lose':
            self.behind(body)
        if fault.how == 'hang':
            self.hang()
        self.close_connection = True
        return 0

    def hang(self) -> None:
        """Waits until the client disconnects or the fault is cleared."""
        while faults.known(self.api.name):
            readable, _, _ = select.select([self.connection], [], [], 0.2)
            if readable and not self.connection.recv(1, socket.MSG_PEEK):
                return

    def behind(self, body: bytes) -> Answer:
        if self.api is NODE_API:
            return node_api.answer(self.command, self.path)
        headers = {name: value for name, value in self.headers.items() if name.lower() not in HOP}
        if body or self.command in ('POST', 'PUT', 'PATCH'):
            headers['Content-Length'] = str(len(body))
        backend = http.client.HTTPConnection('127.0.0.1', self.api.behind)
        try:
            backend.request(self.command, self.path, body=body, headers=headers)
            response = backend.getresponse()
            found = [(name, value) for name, value in response.getheaders() if name.lower() not in HOP]
            return response.status, found, response.read()
        except (OSError, http.client.HTTPException):
            return _refusal(503)
        finally:
            backend.close()

    def reply(self, answer: Answer) -> int:
        status, headers, body = answer
        self.send_response_only(status)
        for name, value in headers:
            self.send_header(name, value)
        if status != 204 and status != 304:
            self.send_header('Content-Length', str(len(body)))
        self.end_headers()
        if self.command != 'HEAD':
            self.wfile.write(body)
        self.wfile.flush()
        return status

    def body(self) -> bytes:
        if self.headers.get('Transfer-Encoding', '').lower() != 'chunked':
            return self.rfile.read(int(self.headers.get('Content-Length') or 0))
        chunks = []
        while size := int(self.rfile.readline().split(b';')[0], 16):
            chunks.append(self.rfile.read(size))
            self.rfile.readline()
        while self.rfile.readline().strip():
            pass
        return b''.join(chunks)


def _refusal(status: int) -> Answer:
    """Error page in HTML, like a load balancer's."""
    text = f'<html><body><h1>{status} {http.client.responses.get(status, "Unknown")}</h1>\n</body></html>\n'
    return status, [('Content-Type', 'text/html')], text.encode()


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, request: object, client_address: object) -> None:
        pass  # the client disconnected


_log_lock = threading.Lock()


def _write_down(begun: float, api: str, method: str, path: str, status: int, fault: faults.Fault | None) -> None:
    line = {
        'at': round(begun, 3), 'seconds': round(time.time() - begun, 3), 'service': api, 'method': method, 'path': path,
        'status': status, **({'fault': fault.how} if fault else {}),
    }
    with _log_lock, (LOG / 'requests.jsonl').open('a') as log:
        log.write(json.dumps(line) + '\n')


def main() -> None:
    for api in [*APIS, NODE_API]:
        server = Server(('127.0.0.1', api.port), type('Door', (Door,), {'api': api}))
        threading.Thread(target=server.serve_forever, daemon=True).start()
    threading.Event().wait()


if __name__ == '__main__':
    main()
