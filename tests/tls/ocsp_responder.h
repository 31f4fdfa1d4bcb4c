// An authority whose certificates and answers about them (OCSP) are made by Debian's openssl, so that what is
// read here was not written here.
#pragma once

#include <doctest/doctest.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <string_view>

#include "ingress/certificate.h"

namespace ingress::test {

// One for the process: making keys takes a while. Its files are in a folder of their own, which goes with it;
// what a test issues replaces what another has of the same name.
class OcspResponder {
 public:
  static OcspResponder& shared() {
    static OcspResponder responder;
    return responder;
  }
  OcspResponder() {
    char folder[] = "/tmp/ocsp_test.XXXXXX";
    REQUIRE(::mkdtemp(folder) != nullptr);
    folder_ = folder;
    write("ext.cnf",
          "[leaf]\nsubjectAltName=DNS:a.example\nauthorityInfoAccess=caIssuers;URI:http://ca.example/ca.cer,"
          "OCSP;URI:ldap://ocsp.example/,OCSP;URI:http://OCSP.example:8080/status?a\n"
          "[must]\nsubjectAltName=DNS:a.example\ntlsfeature=status_request\n"
          "[https]\nauthorityInfoAccess=OCSP;URI:https://ocsp.example/\n"
          "[responder]\nkeyUsage=digitalSignature\nextendedKeyUsage=OCSPSigning\n"
          "[server]\nkeyUsage=digitalSignature\nextendedKeyUsage=serverAuth\n"
          "[no_use]\nkeyUsage=keyEncipherment\nextendedKeyUsage=OCSPSigning\n"
          "[critical]\nextendedKeyUsage=OCSPSigning\n1.2.3.4=critical,DER:0500\n");
    make_authority("ca");
    make_authority("evil");  // of the same name
    issue("leaf", "ca", "leaf", 0x1001);
    issue("revoked", "ca", "leaf", 0x1002);
    issue("missing", "ca", "leaf", 0x1003);
    issue("must", "ca", "must", 0x1001);
    write("index.txt",
          "V\t491231235959Z\t\t1001\tunknown\t/CN=leaf\n"
          "R\t491231235959Z\t240101000000Z,keyCompromise\t1002\tunknown\t/CN=revoked\n");
  }
  OcspResponder(const OcspResponder&) = delete;
  OcspResponder& operator=(const OcspResponder&) = delete;
  ~OcspResponder() {
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
  }

  // Valid for a week, or for `days`; files NAME.pem and NAME.key.
  void issue(const std::string& name, const std::string& issuer, const std::string& section, int serial,
             int days = 7, const std::string& key = "ec -pkeyopt ec_paramgen_curve:P-256") {
    run("openssl req -newkey " + key + " -nodes -keyout " + name + ".key -out csr -subj /CN=" + name);
    run("openssl x509 -req -in csr -CA " + issuer + ".pem -CAkey " + issuer + ".key -sha256 -set_serial " +
        std::to_string(serial) + " -days " + std::to_string(days) + " -extfile ext.cnf -extensions " +
        section + " -out " + name + ".pem");
  }
  Certificate certificate(const std::string& name, const std::string& issuer = "ca") const {
    return {.name = name,
            .server_names = {"a.example"},
            .chain = read(name + ".pem") + (issuer.empty() ? "" : read(issuer + ".pem")),
            .key = {read(name + ".key")}};
  }
  // What openssl answers to `request`, signed by `signer`; `options` are its own.
  std::string answer(const std::string& request, const std::string& signer = "ca",
                     const std::string& options = "-ndays 2") {
    write("request", request);
    run("openssl ocsp -index index.txt -CA ca.pem -rsigner " + signer + ".pem -rkey " + signer +
        ".key -reqin request -respout response " + options);
    return read("response");
  }
  std::string read(const std::string& name) const {
    std::ifstream file(folder_ + '/' + name, std::ios::binary);
    REQUIRE(file.good());
    return {std::istreambuf_iterator<char>(file), {}};
  }
  void run(const std::string& command) const {
    CAPTURE(command);
    REQUIRE(std::system(("cd " + folder_ + " && " + command + " >log 2>&1").c_str()) == 0);
  }

 private:
  void make_authority(const std::string& name) const {
    run("openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -sha256 -days 30 -keyout " +
        name + ".key -out " + name +
        ".pem -subj '/CN=Test Authority' -addext keyUsage=keyCertSign,digitalSignature");
  }
  void write(const std::string& name, std::string_view text) const {
    std::ofstream(folder_ + '/' + name, std::ios::binary) << text;
  }

  std::string folder_;
};

}  // namespace ingress::test
