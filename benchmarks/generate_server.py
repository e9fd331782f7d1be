"""A server that answers every POST after a fixed time with one canned answer; as little work as can be.

Prints its port. Bodies are read and not looked at. The answer is Gemini's, or the same text as a chat completion where
the path ends so.
"""

import asyncio
import json
import re
import sys
from collections.abc import Mapping

TEXT = json.dumps({"answer": "A brown macule. " * 40})
TOKENS_IN, TOKENS_OUT = 1450, 160
GEMINI = {
    "candidates": [{"content": {"role": "model", "parts": [{"text": TEXT}]}, "finishReason": "STOP", "index": 0}],
    "usageMetadata": {
        "promptTokenCount": TOKENS_IN,
        "candidatesTokenCount": TOKENS_OUT,
        "totalTokenCount": TOKENS_IN + TOKENS_OUT,
        "promptTokensDetails": [{"modality": "TEXT", "tokenCount": 330}, {"modality": "IMAGE", "tokenCount": 1120}],
    },
    "modelVersion": "gemini-3.5-flash-lite-001",
    "responseId": "canned",
}
COMPLETION = {
    "id": "canned",
    "object": "chat.completion",
    "created": 0,
    "model": "gpt-4.1-mini",
    "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": TEXT}}],
    "usage": {
        "prompt_tokens": TOKENS_IN,
        "completion_tokens": TOKENS_OUT,
        "total_tokens": TOKENS_IN + TOKENS_OUT,
    },
}


def response(answer: Mapping[str, object]) -> bytes:
    """All that is sent."""
    body = json.dumps(answer).encode()
    return b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(body) + body


RESPONSE, COMPLETED = response(GEMINI), response(COMPLETION)


class Canned(asyncio.Protocol):
    """One connection."""

    def __init__(self, latency_s: float) -> None:
        self._latency_s = latency_s
        self._missing: int | None = None  # of the body; None: its head is not complete
        self._head = b""
        self._response = RESPONSE

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """See asyncio."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """See asyncio."""
        if self._missing is None:
            self._head += data
            head, mark, body = self._head.partition(b"\r\n\r\n")
            if not mark:
                return
            length = re.search(rb"(?i)content-length: *(\d+)", head)
            self._response = COMPLETED if b"/chat/completions " in head[: head.index(b"\r\n")] else RESPONSE
            self._missing, self._head, data = int(length[1]) if length else 0, b"", body
        self._missing -= len(data)
        if self._missing <= 0:
            self._missing = None
            asyncio.get_running_loop().call_later(self._latency_s, self._answer)

    def _answer(self) -> None:
        if not self._transport.is_closing():
            self._transport.write(self._response)


async def main(latency_s: float) -> None:
    """Serves until it is killed."""
    server = await asyncio.get_running_loop().create_server(lambda: Canned(latency_s), "127.0.0.1", 0, backlog=1024)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(float(sys.argv[1])))
