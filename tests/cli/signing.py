#!/usr/bin/python3
"""Bundles signed with an owner's own key: from a file, and from a token (SoftHSM) that the key never leaves. The signatures are
checked by OpenSSL's command, over the bytes that the manifest format says are signed.

Usage: signing.py MICROVISOR
"""
import hashlib
import json
import shutil
import stat
import subprocess
import sys
import zipfile

import bundles
from user import User, check

MODULE = "/usr/lib/softhsm/libsofthsm2.so"
PREFIX = b"twlo-mv-manifest-v1\0"
user = User(sys.argv[1])
command, refused, scratch = user.command, user.refused, user.home
user.environment["SOFTHSM2_CONF"] = str(scratch / "softhsm.conf")


def tool(*arguments):
    return subprocess.run(arguments, check=True, capture_output=True, cwd=scratch, env=user.environment).stdout


def read_varint(data, at):
    value = shift = 0
    while True:
        value |= (data[at] & 0x7F) << shift
        shift += 7
        at += 1
        if data[at - 1] < 0x80:
            return value, at


def fields(message):
    """{number: value} of a protobuf message whose fields are numbers and byte strings."""
    found, at = {}, 0
    while at < len(message):
        tag, at = read_varint(message, at)
        if tag & 7 == 2:
            size, at = read_varint(message, at)
            found[tag >> 3], at = message[at:at + size], at + size
        else:
            found[tag >> 3], at = read_varint(message, at)
    return found


def der_integer(number):
    content = number.to_bytes(33, "big").lstrip(b"\0")
    content = (b"\0" if content[0] & 0x80 else b"") + content
    return b"\x02" + bytes([len(content)]) + content


def check_signature(file, public_pem):
    """By OpenSSL's command, from the bytes of the archive alone."""
    manifest = fields(zipfile.ZipFile(scratch / file).read("manifest"))
    point = tool("openssl", "pkey", "-pubin", "-in", public_pem, "-outform", "DER")[-65:]
    key_id = int.from_bytes(hashlib.sha256(b"\0\0" + point).digest()[:8], "big")
    check(manifest[1] == key_id, f"{file}: signer {manifest[1]:016x}")
    r, s = (int.from_bytes(manifest[3][at:at + 32], "big") for at in (0, 32))
    parts = der_integer(r) + der_integer(s)
    (scratch / "signature").write_bytes(b"\x30" + bytes([len(parts)]) + parts)
    (scratch / "message").write_bytes(PREFIX + manifest[2])
    tool("openssl", "dgst", "-sha256", "-verify", public_pem, "-signature", "signature", "message")
    return manifest[2]


def key_in_a_file():
    command("bundle", "keypair")
    check(stat.S_IMODE((scratch / "signing_private.pem").stat().st_mode) == 0o600, "the private key is its owner's alone")
    refused("bundle", "keypair", words=["exists"])
    command("bundle", "sign", "app.zip", "signed.zip", "--key", "signing_private.pem")
    body = check_signature("signed.zip", "signing_public.pem")
    unsigned = fields(zipfile.ZipFile(scratch / "app.zip").read("manifest"))
    check(set(unsigned) == {2} and unsigned[2] == body, "the body is as it was, byte for byte")
    shown = json.loads(command("bundle", "show", "signed.zip", "--json").stdout)
    check(shown["signer_id"] in command("bundle", "show", "signed.zip").stdout, "show tells the signer")
    refused("bundle", "sign", "signed.zip", "again.zip", "--key", "signing_private.pem", words=["signed", "--force"])
    command("bundle", "sign", "signed.zip", "again.zip", "--key", "signing_private.pem", "--force")
    check_signature("again.zip", "signing_public.pem")
    refused("bundle", "sign", "app.zip", "no.zip", "--key", "signing_public.pem", words=["signing_public.pem", "private key"])
    refused("bundle", "sign", "signing_public.pem", "no.zip", "--key", "signing_private.pem", words=["signing_public.pem"])


def key_in_a_token():
    (scratch / "tokens").mkdir()
    (scratch / "softhsm.conf").write_text(f"directories.tokendir = {scratch}/tokens\nobjectstore.backend = file\n")
    tool("softhsm2-util", "--init-token", "--free", "--label", "owner", "--so-pin", "5678", "--pin", "1234")
    for identity, curve in (("01", "prime256v1"), ("02", "prime256v1"), ("03", "secp384r1")):
        tool("openssl", "genpkey", "-algorithm", "EC", "-pkeyopt", f"ec_paramgen_curve:{curve}", "-out", f"{identity}.pem")
        tool("openssl", "pkey", "-in", f"{identity}.pem", "-pubout", "-out", f"{identity}.pub")
        tool("softhsm2-util", "--import", f"{identity}.pem", "--token", "owner", "--label", f"key {identity}", "--id", identity,
             "--pin", "1234")
        (scratch / f"{identity}.pem").unlink()
    uri = f"pkcs11:token=owner;object=key%2001?module-path={MODULE}"
    command("bundle", "sign", "app.zip", "token.zip", "--key", uri, MICROVISOR_PKCS11_PIN="1234")
    check_signature("token.zip", "01.pub")
    (scratch / "pin").write_text("1234\n")
    command("bundle", "sign", "app.zip", "token.zip", "--key", uri.replace("key%2001", "key%2002") + f"&pin-source={scratch}/pin")
    check_signature("token.zip", "02.pub")
    command("bundle", "sign", "app.zip", "token.zip", "--key", f"pkcs11:token=owner;id=%01?module-path={MODULE}&pin-value=1234")
    check_signature("token.zip", "01.pub")

    def no(where, *words, **extra):
        refused("bundle", "sign", "app.zip", "no.zip", "--key", where, words=["pkcs11", *words], **extra)
    no(uri, "PIN")
    no(uri, "PIN", MICROVISOR_PKCS11_PIN="4321")
    no(uri.replace("owner", "other"), "token", MICROVISOR_PKCS11_PIN="1234")
    no(uri.replace("2001", "2009"), "private key", MICROVISOR_PKCS11_PIN="1234")
    no(uri.replace("2001", "2003"), "P-256", MICROVISOR_PKCS11_PIN="1234")
    no(uri.replace(";object=key%2001", ""), "several", MICROVISOR_PKCS11_PIN="1234")
    no("pkcs11:token", "URI")
    refused("bundle", "sign", "app.zip", "no.zip", "--key", "pkcs11:token=owner?module-path=/etc/hostname", words=["module"])
    check(not (scratch / "no.zip").exists(), "nothing was written by what was refused")


try:
    (scratch / "app.zip").write_bytes(bundles.bundle())
    key_in_a_file()
    key_in_a_token()
finally:
    shutil.rmtree(scratch)
