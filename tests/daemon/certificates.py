"""A certificate authority of the test's own, and what it issues."""
import pathlib
import subprocess


def openssl(*args):
    subprocess.run(["openssl", *map(str, args)], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


class Authority:
    """Its certificate is `ca`; issue() writes NAME.pem and NAME.key beside it."""

    def __init__(self, directory, name="ca"):
        self.directory = pathlib.Path(directory)
        self.directory.mkdir(parents=True, exist_ok=True)
        self.ca, self.ca_key = self.directory / f"{name}.pem", self.directory / f"{name}.key"
        openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", 30,
                "-subj", f"/CN={name} of a test", "-addext", "basicConstraints=critical,CA:TRUE",
                "-keyout", self.ca_key, "-out", self.ca)

    def issue(self, name, san="DNS:localhost", days=30):
        """san "" makes one that names nobody but by its CN, which nobody looks at any more."""
        certificate, key = self.directory / f"{name}.pem", self.directory / f"{name}.key"
        request, extensions = self.directory / f"{name}.csr", self.directory / f"{name}.ext"
        extensions.write_text(f"subjectAltName={san}\n" if san else "basicConstraints=CA:FALSE\n")
        openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                "-subj", "/CN=localhost", "-keyout", key, "-out", request)
        openssl("x509", "-req", "-in", request, "-CA", self.ca, "-CAkey", self.ca_key, "-CAcreateserial",
                "-days", days, "-extfile", extensions, "-out", certificate)
        return certificate, key

    def redis_options(self, port, certificate, clients="no"):
        """For a redis-server that speaks TLS on this port."""
        pem, key = certificate
        return ("--tls-port", str(port), "--tls-cert-file", str(pem), "--tls-key-file", str(key),
                "--tls-ca-cert-file", str(self.ca), "--tls-auth-clients", clients)
