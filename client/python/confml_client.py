"""A client of a confml server for owners of a shared key.

Encrypts pictures as JWE (``A256KW``, ``A256GCM``) under a key that the server gets released from the owner's vault, sends
them, and opens and checks the answers. Needs ``requests`` and ``jwcrypto`` (Debian: ``python3-requests``,
``python3-jwcrypto``) and Python 3.9 or later.

    client = ConfmlClient("https://server.example", key=Path("seal.key").read_bytes(), kid="AlexNetSealKey")
    result = client.classify("dog.jpg", top=3)
    print(result.predictions[0].label)

The key protects the pictures only as far as its release policy does: this module does not verify the server.
``confml verify`` and the TypeScript client do.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import random
import re
import sys
import time
import unicodedata
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Callable, Dict, List, Mapping, Optional, Sequence, Tuple, Union
from urllib.parse import urlsplit

import requests
from jwcrypto import jwe, jwk
from jwcrypto.common import JWException, base64url_encode

KEY_BYTES = 32
MAX_ANSWER_BYTES = 16_777_216
MAX_RETRY_AFTER_SECONDS = 3600

Picture = Union[bytes, bytearray, memoryview, str, "os.PathLike[str]"]


class ConfmlError(Exception):
    """An error with a ``code``, as docs/errors.md and docs/refusals.md list them."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class ServerError(ConfmlError):
    """An error that the server answered with. Errors are not encrypted or signed: the host can forge them."""

    def __init__(
        self, code: str, status: int, message: str, retry_after: Optional[float]
    ) -> None:
        super().__init__(code, message)
        self.status = status
        #: How many seconds the server asks to wait before the next attempt; None: do not repeat.
        self.retry_after = retry_after


class AnswerRejectedError(ConfmlError):
    """An answer that is not an encrypted answer to the picture that was sent."""

    def __init__(self, message: str) -> None:
        super().__init__("ANSWER_REJECTED", message)


@dataclass(frozen=True)
class Prediction:
    """One label. ``rank`` counts from 1; ``probability`` is None where the server withholds it."""

    rank: int
    index: int
    label: str
    probability: Optional[float]


@dataclass(frozen=True)
class Classification:
    """The server's answer, the best label first."""

    model_name: str
    model_version: str
    #: Pixels, turned as the file's orientation says.
    width: int
    height: int
    #: Of the picture, such as ``jpeg``.
    format: str
    predictions: Tuple[Prediction, ...]
    #: SHA-256 of the uploaded JWE, hexadecimal.
    request: str


class ConfmlClient:
    """A client of one server. Connections are kept; ``close`` or a ``with`` block ends them."""

    def __init__(
        self,
        url: str,
        *,
        key: bytes,
        kid: str,
        timeout: float = 60.0,
        max_attempts: int = 5,
        session: Optional[requests.Session] = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """
        :param url: the server's address, such as ``https://server.example:8443``
        :param key: 32 bytes
        :param kid: the secret's ID in the server's configuration, or ID/version
        :param timeout: seconds for one attempt's answer
        :param max_attempts: attempts where the server asks to try again later
        :param session: in place of one of its own, for example with ``verify`` or ``proxies``
        :param sleep: called with the seconds to wait before another attempt
        :raises ValueError: for a wrong address, key or name
        """
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.netloc:
            raise ValueError("expected an address such as https://server.example")
        if len(key) != KEY_BYTES:
            raise ValueError(f"expected a key of {KEY_BYTES} bytes; got {len(key)}")
        if not kid:
            raise ValueError("expected the ID of the key's secret (kid)")
        if max_attempts < 1:
            raise ValueError("expected at least one attempt")
        self._url = url.rstrip("/")
        self._key = jwk.JWK(kty="oct", k=base64url_encode(bytes(key)))
        self._kid = kid
        self._timeout = timeout
        self._max_attempts = max_attempts
        self._session = requests.Session() if session is None else session
        self._sleep = sleep

    def __enter__(self) -> "ConfmlClient":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Closes the connections."""
        self._session.close()

    def classify(self, picture: Picture, top: Optional[int] = None) -> Classification:
        """Classifies a picture.

        :param picture: an image file: its bytes or its path
        :param top: how many labels; None: the server's default, 5
        :raises ServerError: for the server's errors
        :raises AnswerRejectedError: for an answer that is plain, does not open, or answers another upload
        :raises requests.RequestException: without a connection
        :raises OSError: for a file that cannot be read
        """
        is_bytes = isinstance(picture, (bytes, bytearray, memoryview))
        content = bytes(picture) if is_bytes else Path(os.fspath(picture)).read_bytes()
        token = self.encrypt(content)
        text = self.decrypt(self._send_with_retries(token, top))
        return _read_classification(text, hashlib.sha256(token.encode("ascii")).hexdigest())

    def encrypt(self, picture: bytes) -> str:
        """Encrypts a picture: JWE in compact serialization, ``A256KW`` and ``A256GCM`` (RFC 7518, sections 4.4 and 5.3)."""
        header = {"alg": "A256KW", "enc": "A256GCM", "kid": self._kid}
        token = jwe.JWE(picture, protected=json.dumps(header))
        token.add_recipient(self._key)
        return str(token.serialize(compact=True))

    def decrypt(self, answer: str) -> str:
        """Opens an encrypted answer.

        :returns: JSON, without the spaces that pad it
        :raises AnswerRejectedError: where it does not open under the picture's key
        """
        token = jwe.JWE(algs=["A256KW", "dir", "A256GCM"])
        try:
            # The JSON serialization has members that no tag protects.
            if answer.count(".") != 4 or answer.startswith("{"):
                raise ValueError("not in compact serialization")
            token.deserialize(answer)
            if "zip" in token.jose_header:
                raise ValueError("compressed")
            token.decrypt(self._key)
            return bytes(token.payload).decode("utf-8").rstrip(" ")
        except (JWException, ValueError, TypeError) as cause:
            raise AnswerRejectedError(
                "the answer: expected a JWE (A256KW or dir, A256GCM) under the picture's key"
            ) from cause

    def _send_with_retries(self, token: str, top: Optional[int]) -> str:
        for attempt in range(1, self._max_attempts + 1):
            try:
                return self._send(token, top)
            except ServerError as error:
                if error.retry_after is None or attempt == self._max_attempts:
                    raise
                # Up to a second more, at random, so that clients do not return all at once.
                self._sleep(error.retry_after + random.random())
        raise AssertionError("there is at least one attempt")

    def _send(self, token: str, top: Optional[int]) -> str:
        started = time.monotonic()
        with self._session.post(
            f"{self._url}/evaluate",
            params={} if top is None else {"top": top},
            files={"image": ("picture.jwe", token.encode("ascii"), "application/jose")},
            headers={"Accept": "application/jose, application/problem+json"},
            timeout=self._timeout,
            allow_redirects=False,
            stream=True,
        ) as response:
            body = _read_bounded(response, started + self._timeout)
            if response.status_code != 200:
                raise _server_error(response.status_code, response.headers, body)
            media_type = response.headers.get("Content-Type", "").split(";")[0].strip().lower()
        if media_type != "application/jose":
            raise AnswerRejectedError(
                "the answer: expected application/jose, encrypted as the picture was; got another type"
            )
        return body.decode("ascii", "replace")


def _read_bounded(response: requests.Response, deadline: float) -> bytes:
    """
    :param deadline: by time.monotonic(); the timeout of requests is only for each read
    """
    body = bytearray()
    for chunk in response.iter_content(65_536):
        if time.monotonic() > deadline:
            raise requests.Timeout("the answer was not complete in time")
        body += chunk
        if len(body) > MAX_ANSWER_BYTES:
            raise AnswerRejectedError(
                f"the answer: expected at most {MAX_ANSWER_BYTES} bytes; got more"
            )
    return bytes(body)


def _server_error(status: int, headers: Mapping[str, str], body: bytes) -> ServerError:
    """Describes an answer whose status is not 200 (RFC 9457)."""
    retry_after = _retry_after(status, headers)
    try:
        problem = json.loads(body)
        code, detail = problem["code"], problem["detail"]
        if isinstance(code, str) and isinstance(detail, str) and len(code) <= 100:
            return ServerError(_printable(code), status, _printable(detail[:2000]), retry_after)
    except (ValueError, KeyError, TypeError, RecursionError):
        pass
    message = (
        f"expected HTTP 200, got {status} from something that is no confml server, or a proxy before it"
    )
    return ServerError(f"HTTP_{status}", status, message, retry_after)


def _retry_after(status: int, headers: Mapping[str, str]) -> Optional[float]:
    """RFC 9110, section 10.2.3; seconds only, at most an hour; of 429 and 503 only."""
    value = headers.get("Retry-After", "")
    if status not in (429, 503) or re.fullmatch(r"[0-9]{1,4}", value) is None:
        return None
    return float(min(int(value), MAX_RETRY_AFTER_SECONDS))


def _printable(text: str) -> str:
    """Replaces control characters, which could overwrite what a terminal shows."""
    return "".join(
        " " if unicodedata.category(one)[0] == "C" or unicodedata.category(one) in ("Zl", "Zp") else one
        for one in text
    )


def _read_classification(text: str, request: str) -> Classification:
    """
    :param request: SHA-256 of the upload; an old answer under the same key has another
    :raises AnswerRejectedError: for another digest, and for anything but a classification
    """
    try:
        answer: Dict[str, Any] = json.loads(text)
        if answer.get("request") != request:
            raise AnswerRejectedError(
                "the answer: expected the digest of this upload; it is an answer to another one"
            )
        model, image = answer["model"], answer["image"]
        predictions = tuple(_prediction(one) for one in answer["predictions"])
        if not predictions:
            raise ValueError("no predictions")
        return Classification(
            model_name=_typed(model["name"], str),
            model_version=_typed(model["version"], str),
            width=_typed(image["width"], int),
            height=_typed(image["height"], int),
            format=_typed(image["format"], str),
            predictions=predictions,
            request=request,
        )
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as cause:
        raise AnswerRejectedError("the answer: expected a classification (JSON)") from cause


def _prediction(one: Mapping[str, Any]) -> Prediction:
    probability = one.get("probability")
    if probability is not None and not 0 <= _typed(probability, (int, float)) <= 1:
        raise ValueError("a probability that is none")
    return Prediction(
        rank=_typed(one["rank"], int),
        index=_typed(one["index"], int),
        label=_typed(one["label"], str),
        probability=None if probability is None else float(probability),
    )


def _typed(value: Any, kind: Any) -> Any:
    if isinstance(value, bool) or not isinstance(value, kind):
        raise ValueError("a member of another type")
    return value


def main(argv: Optional[Sequence[str]] = None) -> int:
    """The command line.

    :returns: 0, or 1 where a picture failed
    """
    parser = argparse.ArgumentParser(
        prog="confml_client.py", description="Classifies pictures, encrypted under a shared key."
    )
    parser.add_argument("url", metavar="URL", help="the server, such as https://server.example")
    parser.add_argument("files", metavar="FILE", nargs="+", help="pictures")
    parser.add_argument("--key", required=True, type=Path, help="file of the key's 32 bytes")
    parser.add_argument("--kid", required=True, help="ID of the key's secret, or ID/version")
    parser.add_argument("--top", type=int, help="number of labels (default: the server's, 5)")
    parser.add_argument("--json", action="store_true", help="print one line of JSON for each file")
    options = parser.parse_args(argv)
    try:
        client = ConfmlClient(options.url, key=options.key.read_bytes(), kid=options.kid)
    except (OSError, ValueError) as error:
        parser.exit(2, f"confml_client.py: error: {error}\n")
    failures = 0
    with client:
        for file in options.files:
            try:
                result = client.classify(file, top=options.top)
            except (ConfmlError, requests.RequestException, OSError) as error:
                code = f"{error.code}: " if isinstance(error, ConfmlError) else ""
                print(f"{_printable(file)}: error: {code}{_printable(str(error))}", file=sys.stderr)
                failures += 1
                continue
            lines = [json.dumps({"file": file, **asdict(result)})] if options.json else _table(file, result)
            print("\n".join(lines), flush=True)
    return 1 if failures else 0


def _table(file: str, result: Classification) -> List[str]:
    def share(one: Prediction) -> str:
        return "" if one.probability is None else f"{one.probability * 100:6.2f} %  "

    return [
        f"{_printable(file)}: {result.width} x {result.height} {_printable(result.format)}",
        *(f"  {one.rank}. {share(one)}{_printable(one.label)}" for one in result.predictions),
    ]


if __name__ == "__main__":
    sys.exit(main())
