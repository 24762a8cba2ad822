"""JWTs (HS256) for the run's users: with a role for observers, who hear everybody, and without one for the load, which
hears nobody and so costs little."""

import base64
import hashlib
import hmac
import json

SECRET = "the nemesis has this one for all of them"


def _text(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


_HEADER = _text(b'{"alg":"HS256","typ":"JWT"}')


def token(user, role=None):
    claims = {"uid": user, **({"role": role} if role else {})}
    signed = f"{_HEADER}.{_text(json.dumps(claims).encode())}"
    return f"{signed}.{_text(hmac.digest(SECRET.encode(), signed.encode(), hashlib.sha256))}"
