#include "runtime/cluster/pki.hpp"

#include "runtime/base/address.hpp"
#include "runtime/base/clock.hpp"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <arpa/inet.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <ctime>
#include <memory>

namespace coppice::cluster::pki {

namespace {

namespace fs = std::filesystem;

template <auto Free>
struct releases {
  template <class T>
  void operator()(T* x) const {
    Free(x);
  }
};

using key_ptr = std::unique_ptr<EVP_PKEY, releases<EVP_PKEY_free>>;
using x509_ptr = std::unique_ptr<X509, releases<X509_free>>;
using bio_ptr = std::unique_ptr<BIO, releases<BIO_free_all>>;
using names_ptr = std::unique_ptr<GENERAL_NAMES, releases<GENERAL_NAMES_free>>;

/// The oldest OpenSSL error of this thread in words; empties the queue, which is shared with every
/// other user of it.
std::string openssl_reason() {
  auto code = ERR_get_error();
  ERR_clear_error();
  if (code == 0)
    return "no further reason";
  const char* text = ERR_reason_error_string(code);
  return text != nullptr ? text : "OpenSSL error " + std::to_string(code);
}

error fail(const fs::path& where, std::string what, std::string hint = {}) {
  ERR_clear_error();
  return error{errc::tls, std::move(what), where.string(), std::move(hint)};
}

/// Nothing is wrong with the certificate: the disk does not take it.
error not_stored(const fs::path& where, std::string what) {
  return error{errc::storage, std::move(what), where.string(), {}};
}

result<bio_ptr> open_file(const fs::path& file, const char* what) {
  struct stat info {};
  if (::stat(file.c_str(), &info) != 0)
    return fail(file, std::string{what} + " cannot be read: " + std::strerror(errno));
  if (!S_ISREG(info.st_mode))
    return fail(file, std::string{what} + " is not a regular file");
  if (info.st_size > 1 << 20)
    return fail(file, std::string{what} + " is larger than 1 MiB");
  bio_ptr bio{BIO_new_file(file.c_str(), "r")};
  if (!bio)
    return fail(file, std::string{what} + " cannot be read: " + std::strerror(errno));
  return bio;
}

result<x509_ptr> load_certificate(const fs::path& file, const char* what = "the certificate") {
  auto bio = open_file(file, what);
  if (!bio)
    return std::move(bio).error();
  x509_ptr cert{PEM_read_bio_X509(bio->get(), nullptr, nullptr, nullptr)};
  if (!cert)
    return fail(file, std::string{what} + " is not a PEM certificate: " + openssl_reason());
  return cert;
}

result<key_ptr> load_key(const fs::path& file) {
  auto bio = open_file(file, "the private key");
  if (!bio)
    return std::move(bio).error();
  // A passphrase would be asked for on the terminal; an encrypted key is refused instead.
  auto no_passphrase = [](char*, int, int, void*) { return -1; };
  key_ptr key{PEM_read_bio_PrivateKey(bio->get(), nullptr, no_passphrase, nullptr)};
  if (!key)
    return fail(file, "the private key is not an unencrypted PEM key: " + openssl_reason());
  return key;
}

std::string pem_of(int (*write)(BIO*, const void*), const void* x) {
  bio_ptr bio{BIO_new(BIO_s_mem())};
  if (!bio || write(bio.get(), x) != 1)
    return {};
  char* data = nullptr;
  auto size = BIO_get_mem_data(bio.get(), &data);
  return {data, static_cast<size_t>(size)};
}

std::string to_pem(X509* cert) {
  return pem_of(
    [](BIO* out, const void* x) { return PEM_write_bio_X509(out, static_cast<const X509*>(x)); },
    cert);
}

std::string to_pem(EVP_PKEY* key) {
  return pem_of(
    [](BIO* out, const void* x) {
      return PEM_write_bio_PKCS8PrivateKey(out, static_cast<const EVP_PKEY*>(x), nullptr, nullptr,
                                           0, nullptr, nullptr);
    },
    key);
}

/// Writes beside the file and renames, so that a reader sees the old or the new one, never half of
/// it.
result<void> write_file(const fs::path& file, const std::string& text, mode_t mode) {
  auto temporary = file;
  temporary += ".new";
  ::unlink(temporary.c_str());
  int fd = ::open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode);
  if (fd < 0)
    return not_stored(file, std::string{"cannot be written: "} + std::strerror(errno));
  // The umask may have taken rights away from a certificate, never from a key.
  bool good = ::fchmod(fd, mode) == 0;
  size_t done = 0;
  while (good && done < text.size()) {
    auto n = ::write(fd, text.data() + done, text.size() - done);
    if (n < 0 && errno == EINTR)
      continue;
    good = n > 0;
    done += good ? static_cast<size_t>(n) : 0;
  }
  good = good && ::fsync(fd) == 0;
  auto reason = errno;
  ::close(fd);
  if (!good || ::rename(temporary.c_str(), file.c_str()) != 0) {
    if (good)
      reason = errno;
    ::unlink(temporary.c_str());
    return not_stored(file, std::string{"cannot be written: "} + std::strerror(reason));
  }
  return {};
}

result<void> make_folder(const fs::path& folder) {
  std::error_code code;
  bool made = fs::create_directories(folder, code);
  if (code)
    return not_stored(folder, "the folder cannot be made: " + code.message());
  if (made)
    fs::permissions(folder, fs::perms::owner_all, code);
  return {};
}

bool set_times(X509* cert, instant from, instant to) {
  auto set = [](ASN1_TIME* field, instant at) {
    return ASN1_TIME_set(field, static_cast<time_t>(at.ns / 1'000'000'000)) != nullptr;
  };
  return set(X509_getm_notBefore(cert), from) && set(X509_getm_notAfter(cert), to);
}

bool set_serial(X509* cert) {
  unsigned char bytes[16];
  if (RAND_bytes(bytes, sizeof bytes) != 1)
    return false;
  bytes[0] &= 0x7f; // Positive, RFC 5280 section 4.1.2.2.
  std::unique_ptr<BIGNUM, releases<BN_free>> number{BN_bin2bn(bytes, sizeof bytes, nullptr)};
  return number && BN_to_ASN1_INTEGER(number.get(), X509_get_serialNumber(cert)) != nullptr;
}

bool set_name(X509_NAME* name, std::string_view common_name) {
  return X509_NAME_add_entry_by_NID(name, NID_commonName, MBSTRING_UTF8,
                                    reinterpret_cast<const unsigned char*>(common_name.data()),
                                    static_cast<int>(common_name.size()), -1, 0)
         == 1;
}

bool add_extension(X509* cert, X509* issuer, int nid, const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx(&context, issuer, cert, nullptr, nullptr, 0);
  X509V3_set_ctx_nodb(&context);
  std::unique_ptr<X509_EXTENSION, releases<X509_EXTENSION_free>> extension{
    X509V3_EXT_conf_nid(nullptr, &context, nid, value.c_str())};
  return extension && X509_add_ext(cert, extension.get(), -1) == 1;
}

bool is_ip_address(const std::string& text) {
  unsigned char bytes[16];
  return ::inet_pton(AF_INET, text.c_str(), bytes) == 1
         || ::inet_pton(AF_INET6, text.c_str(), bytes) == 1;
}

bool is_host_name(const std::string& text) {
  if (text.empty() || text.size() > 253)
    return false;
  for (char c : text)
    if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-'
          || c == '.' || c == '_' || c == '*'))
      return false;
  return true;
}

/// An unsigned certificate with everything that CA and node certificates share.
result<x509_ptr> prepare(const fs::path& file, EVP_PKEY* key, std::string_view name,
                         duration backdate, duration validity) {
  x509_ptr cert{X509_new()};
  auto now = system_clock().now();
  if (!cert || X509_set_version(cert.get(), X509_VERSION_3) != 1 || !set_serial(cert.get())
      || !set_times(cert.get(), now - backdate, now + validity)
      || X509_set_pubkey(cert.get(), key) != 1
      || !set_name(X509_get_subject_name(cert.get()), name))
    return fail(file, "the certificate cannot be made: " + openssl_reason());
  return cert;
}

std::string common_name(const X509_NAME* name) {
  int at = X509_NAME_get_index_by_NID(name, NID_commonName, -1);
  if (at < 0)
    return {};
  unsigned char* text = nullptr;
  int size = ASN1_STRING_to_UTF8(&text, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, at)));
  if (size < 0)
    return {};
  std::string out{reinterpret_cast<char*>(text), static_cast<size_t>(size)};
  OPENSSL_free(text);
  return out;
}

std::vector<std::string> alternative_names(const X509* cert) {
  std::vector<std::string> out;
  names_ptr names{
    static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(cert, NID_subject_alt_name, nullptr, nullptr))};
  for (int i = 0; names && i < sk_GENERAL_NAME_num(names.get()); ++i) {
    const auto* name = sk_GENERAL_NAME_value(names.get(), i);
    if (name->type == GEN_DNS) {
      const auto* text = name->d.dNSName;
      out.emplace_back(reinterpret_cast<const char*>(ASN1_STRING_get0_data(text)),
                       static_cast<size_t>(ASN1_STRING_length(text)));
    } else if (name->type == GEN_IPADD) {
      const auto* bytes = name->d.iPAddress;
      char text[INET6_ADDRSTRLEN] = "";
      int family = ASN1_STRING_length(bytes) == 4 ? AF_INET : AF_INET6;
      if (::inet_ntop(family, ASN1_STRING_get0_data(bytes), text, sizeof text) != nullptr)
        out.emplace_back(text);
    }
  }
  return out;
}

instant to_instant(const ASN1_TIME* at) {
  std::tm parts{};
  if (ASN1_TIME_to_tm(at, &parts) != 1)
    return {};
  return {static_cast<int64_t>(::timegm(&parts)) * 1'000'000'000};
}

certificate_info describe(X509* cert) {
  certificate_info out;
  out.subject = common_name(X509_get_subject_name(cert));
  out.issuer = common_name(X509_get_issuer_name(cert));
  out.names = alternative_names(cert);
  out.not_before = to_instant(X509_get0_notBefore(cert));
  out.not_after = to_instant(X509_get0_notAfter(cert));
  out.is_ca = X509_check_ca(cert) > 0;
  return out;
}

result<void> check_validity(const fs::path& file, const certificate_info& x, instant now,
                            const char* what) {
  if (now < x.not_before)
    return fail(file, std::string{what} + " is not valid before " + to_string(x.not_before)
                        + "; is the clock right?");
  if (now > x.not_after)
    return fail(file,
                std::string{what} + " expired at " + to_string(x.not_after) + "; issue a new one");
  return {};
}

result<x509_ptr> make_node_certificate(const fs::path& file, EVP_PKEY* key, X509* ca,
                                       std::string_view node, const issue_options& options) {
  auto cert = prepare(file, key, node, options.backdate, options.validity);
  if (!cert)
    return cert;
  std::string names = "DNS:" + std::string{node} + ",DNS:localhost,IP:127.0.0.1,IP:::1";
  for (const auto& name : options.names) {
    bool ip = is_ip_address(name);
    if (!ip && !is_host_name(name))
      return error{errc::invalid_value, "'" + name + "' is neither a host name nor an IP address",
                   "names", ""};
    names += (ip ? ",IP:" : ",DNS:") + name;
  }
  auto* x = cert->get();
  if (X509_set_issuer_name(x, X509_get_subject_name(ca)) != 1
      || !add_extension(x, ca, NID_basic_constraints, "critical,CA:FALSE")
      || !add_extension(x, ca, NID_key_usage, "critical,digitalSignature")
      || !add_extension(x, ca, NID_ext_key_usage, "serverAuth,clientAuth")
      || !add_extension(x, ca, NID_subject_key_identifier, "hash")
      || !add_extension(x, ca, NID_authority_key_identifier, "keyid:always")
      || !add_extension(x, ca, NID_subject_alt_name, names))
    return fail(file, "the certificate cannot be made: " + openssl_reason());
  return cert;
}

} // namespace

files files_in(const fs::path& folder, std::string_view node) {
  std::string name{node};
  return {folder / "ca.crt", folder / (name + ".crt"), folder / (name + ".key")};
}

result<void> make_ca(const fs::path& folder, const ca_options& options) {
  if (auto made = make_folder(folder); !made)
    return made;
  auto cert_file = folder / "ca.crt";
  auto key_file = folder / "ca.key";
  for (const auto& file : {cert_file, key_file})
    if (std::error_code code; fs::exists(file, code))
      return error{errc::already_exists,
                   "there is a certificate authority already; it is never replaced", file.string(),
                   ""};
  key_ptr key{EVP_EC_gen("P-256")};
  if (!key)
    return fail(key_file, "no key can be generated: " + openssl_reason());
  auto cert =
    prepare(cert_file, key.get(), options.name, std::chrono::minutes{5}, options.validity);
  if (!cert)
    return std::move(cert).error();
  auto* x = cert->get();
  if (X509_set_issuer_name(x, X509_get_subject_name(x)) != 1
      || !add_extension(x, x, NID_basic_constraints, "critical,CA:TRUE,pathlen:0")
      || !add_extension(x, x, NID_key_usage, "critical,keyCertSign,cRLSign")
      || !add_extension(x, x, NID_subject_key_identifier, "hash")
      || X509_sign(x, key.get(), EVP_sha256()) == 0)
    return fail(cert_file, "the certificate cannot be made: " + openssl_reason());
  if (auto written = write_file(key_file, to_pem(key.get()), 0600); !written)
    return written;
  return write_file(cert_file, to_pem(x), 0644);
}

result<void> issue(const fs::path& ca_folder, std::string_view node, const fs::path& out,
                   const issue_options& options) {
  if (!is_name(node))
    return error{errc::invalid_value,
                 "'" + std::string{node}
                   + "' is no node name: a lower-case letter, then at most 62 of a-z 0-9 _ -",
                 "", ""};
  auto ca = load_certificate(ca_folder / "ca.crt", "the certificate of the authority");
  if (!ca)
    return std::move(ca).error();
  auto ca_key = load_key(ca_folder / "ca.key");
  if (!ca_key)
    return std::move(ca_key).error();
  if (X509_check_private_key(ca->get(), ca_key->get()) != 1)
    return fail(ca_folder / "ca.key", "the key does not belong to ca.crt beside it");
  if (auto made = make_folder(out); !made)
    return made;
  auto target = files_in(out, node);
  key_ptr key{EVP_EC_gen("P-256")};
  if (!key)
    return fail(target.key, "no key can be generated: " + openssl_reason());
  auto cert = make_node_certificate(target.certificate, key.get(), ca->get(), node, options);
  if (!cert)
    return std::move(cert).error();
  if (X509_sign(cert->get(), ca_key->get(), EVP_sha256()) == 0)
    return fail(target.certificate, "the certificate cannot be signed: " + openssl_reason());
  if (auto written = write_file(target.key, to_pem(key.get()), 0600); !written)
    return written;
  if (auto written = write_file(target.certificate, to_pem(cert->get()), 0644); !written)
    return written;
  std::error_code code;
  if (fs::equivalent(ca_folder, out, code))
    return {};
  return write_file(target.ca, to_pem(ca->get()), 0644);
}

std::string subject_of(const x509_st* certificate) {
  return certificate != nullptr ? common_name(X509_get_subject_name(certificate)) : std::string{};
}

result<certificate_info> read_certificate(const fs::path& file) {
  auto cert = load_certificate(file);
  if (!cert)
    return std::move(cert).error();
  return describe(cert->get());
}

result<certificate_info> check(const files& x, std::string_view node, instant now) {
  auto ca = load_certificate(x.ca, "the certificate of the authority");
  if (!ca)
    return std::move(ca).error();
  auto cert = load_certificate(x.certificate);
  if (!cert)
    return std::move(cert).error();
  auto key = load_key(x.key);
  if (!key)
    return std::move(key).error();
  if (X509_check_private_key(cert->get(), key->get()) != 1)
    return fail(x.key, "the private key does not belong to " + x.certificate.string());
  auto ca_info = describe(ca->get());
  if (auto good = check_validity(x.ca, ca_info, now, "the certificate of the authority"); !good)
    return std::move(good).error();
  if (!ca_info.is_ca)
    return fail(x.ca, "this is not the certificate of an authority");
  if (X509_verify(cert->get(), X509_get0_pubkey(ca->get())) != 1)
    return fail(x.certificate, "the certificate was not signed by " + x.ca.string());
  auto out = describe(cert->get());
  if (auto good = check_validity(x.certificate, out, now, "the certificate"); !good)
    return std::move(good).error();
  if (out.subject != node)
    return fail(x.certificate,
                "the certificate is for '" + out.subject + "', this node is '" + std::string{node}
                  + "'",
                out.subject);
  ERR_clear_error();
  return out;
}

} // namespace coppice::cluster::pki
