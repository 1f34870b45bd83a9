#pragma once

#include "runtime/base/duration.hpp"
#include "runtime/base/result.hpp"

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

struct x509_st; // OpenSSL's X509.

/// Certificates for links between nodes: ECDSA P-256, X.509 v3, PEM files. Keys have mode 0600.
/// Errors of everything here: errc::tls with the file and what is wrong with it;
/// errc::already_exists where said.
/// Threading: no shared state; calls may run in parallel on different folders.
namespace coppice::cluster::pki {

struct certificate_info {
  std::string subject;            ///< The common name.
  std::vector<std::string> names; ///< DNS names and IP addresses of the subject alternative name.
  instant not_before;
  instant not_after;
  std::string issuer; ///< The issuer's common name.
  bool is_ca = false;
};

/// Where a node's three files are.
struct files {
  std::filesystem::path ca;
  std::filesystem::path certificate;
  std::filesystem::path key;
};

/// `ca.crt`, `NODE.crt` and `NODE.key` in `folder`.
files files_in(const std::filesystem::path& folder, std::string_view node);

struct ca_options {
  std::string name = "Coppice development CA";
  duration validity = std::chrono::hours{24 * 3650};
};

/// Makes `ca.crt` and `ca.key` in `folder` (created, mode 0700). Errors: errc::already_exists when there
/// is one, errc::storage.
result<void> make_ca(const std::filesystem::path& folder, const ca_options& options = {});

struct issue_options {
  duration validity = std::chrono::hours{24 * 825};
  std::vector<std::string> names = {}; ///< Further DNS names or IP addresses.
  /// How long before now it becomes valid: clocks differ.
  duration backdate = std::chrono::minutes{5};
};

/// Writes `NODE.crt`, `NODE.key` and a copy of `ca.crt` to `out`, replacing what is there. Common
/// name and first DNS name are the node's name, further names `localhost`, `127.0.0.1` and `::1`.
/// For servers and clients. Errors: errc::invalid_value, errc::tls (the authority), errc::storage.
result<void> issue(const std::filesystem::path& ca_folder, std::string_view node,
                   const std::filesystem::path& out, const issue_options& options = {});

/// The common name of a certificate in memory, e.g. of the other end of a connection; empty when it
/// has none.
std::string subject_of(const x509_st* certificate);

/// Reads a certificate file back.
result<certificate_info> read_certificate(const std::filesystem::path& file);

/// Are these files fit for `node` at `now`: readable, certificate signed by the CA, valid in time,
/// in its name, and does the key belong to it? Returns the node's certificate.
result<certificate_info> check(const files& x, std::string_view node, instant now);

} // namespace coppice::cluster::pki
