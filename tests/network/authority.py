"""Certificates for servers and devices of a test, made by OpenSSL's command line."""
import pathlib
import subprocess


def openssl(*arguments):
    subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True)


class Authority:
    def __init__(self, folder, name="A Private Authority"):
        self.folder = pathlib.Path(folder)
        self.key, self.certificate = self.folder / "ca.key", self.folder / "ca.pem"
        openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "30",
                "-subj", f"/CN={name}", "-keyout", self.key, "-out", self.certificate)

    def issue(self, name):
        """Key and certificate for a server or client of this name, two paths."""
        key, request, certificate, names = (self.folder / f"{name}.{kind}" for kind in ("key", "csr", "pem", "ext"))
        names.write_text(f"subjectAltName=DNS:{name}\n")
        openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", f"/CN={name}",
                "-keyout", key, "-out", request)
        openssl("x509", "-req", "-in", request, "-CA", self.certificate, "-CAkey", self.key, "-CAcreateserial", "-days", "30",
                "-extfile", names, "-out", certificate)
        return key, certificate

    @staticmethod
    def hexadecimal(path, kind):
        """As the configuration has it: DER, two digits a byte. `kind`: "x509" or "pkcs8"."""
        form = ("x509",) if kind == "x509" else ("pkcs8", "-topk8", "-nocrypt")
        der = subprocess.run(["openssl", *form, "-in", path, "-outform", "DER"], check=True, capture_output=True).stdout
        return der.hex()
