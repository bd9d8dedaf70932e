"""Credentials that have the form of real ones and open nothing, always the same: as shell variables.

Their well-known beginnings stand here in two pieces, so that nothing in this repository looks like a credential.
"""

import base64
import random
import string
import zlib

rng = random.Random("harden's planted credentials")
BASE62 = string.digits + string.ascii_uppercase + string.ascii_lowercase


def some(length, alphabet=string.ascii_letters + string.digits):
    return "".join(rng.choices(alphabet, k=length))


def with_checksum(beginning):
    """GitHub's and npm's form: thirty characters, then their CRC-32 in base 62."""
    body = some(30)
    rest, digits = zlib.crc32(body.encode()), ""
    for _ in range(6):
        rest, digit = divmod(rest, 62)
        digits = BASE62[digit] + digits
    return beginning + body + digits


tokens = {
    "aws_id": "AK" + "IA" + some(16, string.ascii_uppercase + "234567"),
    "aws_secret": some(40, string.ascii_letters + string.digits + "+/"),
    "github": with_checksum("gh" + "p_"),
    "github_build": with_checksum("gh" + "p_"),
    "gitlab": "gl" + "pat-" + some(20),
    "npm": with_checksum("np" + "m_"),
    "npm_history": with_checksum("np" + "m_"),
    "pypi": "py" + "pi-AgEIcHlwaS5vcmc" + some(120, string.ascii_letters + string.digits + "-_"),
    "stripe": "sk" + "_live_" + some(24),
    "slack": "xo" + "xb-" + some(12, string.digits) + "-" + some(12, string.digits) + "-" + some(24),
    "api_token": some(40, "0123456789abcdef"),
    "password": some(20, string.ascii_letters + string.digits + "!%*"),
    "proxy_password": some(16),
    "docker_auth": base64.b64encode(("deploy:" + some(24)).encode()).decode(),
    "jwt": ".".join(base64.urlsafe_b64encode(part.encode()).decode().rstrip("=") for part in (
        '{"alg":"RS256","kid":"' + some(16) + '"}',
        '{"iss":"kubernetes/serviceaccount","sub":"system:serviceaccount:kube-system:admin"}',
        some(64))),
}
for name, value in tokens.items():
    print(f"{name}='{value}'")
