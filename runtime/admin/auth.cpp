#include "runtime/admin/auth.hpp"

#include "runtime/http/server.hpp"

#include <arpa/inet.h>
#include <openssl/crypto.h>
#include <openssl/sha.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>

namespace coppice::admin {

namespace {

constexpr size_t token_bytes_max = 4096;

http::role role_of(config::token_role x) {
  switch (x) {
    case config::token_role::admin:
      return http::role::admin;
    case config::token_role::operator_:
      return http::role::operator_;
    default:
      return http::role::viewer;
  }
}

result<std::string> read_token(const config::admin_token& x) {
  std::ifstream in{x.token_file, std::ios::binary};
  std::string text(token_bytes_max + 1, '\0');
  in.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (in.bad() || (in.fail() && !in.eof()))
    return error{errc::invalid_config,
                 "the token file of '" + x.name + "' cannot be read: " + std::strerror(errno),
                 x.token_file,
                 {}};
  text.resize(static_cast<size_t>(in.gcount()));
  if (text.size() > token_bytes_max)
    return error{errc::invalid_config,
                 "a token has at most " + std::to_string(token_bytes_max) + " bytes",
                 x.token_file,
                 {}};
  auto is_space = [](char c) { return c == ' ' || c == '\n' || c == '\r' || c == '\t'; };
  while (!text.empty() && is_space(text.back()))
    text.pop_back();
  text.erase(0, std::min(text.find_first_not_of(" \n\r\t"), text.size()));
  if (text.empty())
    return error{
      errc::invalid_config, "the token file of '" + x.name + "' is empty", x.token_file, {}};
  return text;
}

/// `alpha:7480` -> `alpha`, `[::1]:7480` -> `::1`.
std::string_view host_of(std::string_view authority) {
  if (authority.starts_with('[')) {
    auto end = authority.find(']');
    return end == std::string_view::npos ? std::string_view{} : authority.substr(1, end - 1);
  }
  return authority.substr(0, authority.find(':'));
}

bool is_ip_address(const std::string& host) {
  in6_addr ignored;
  return ::inet_pton(AF_INET, host.c_str(), &ignored) == 1
         || ::inet_pton(AF_INET6, host.c_str(), &ignored) == 1;
}

bool same_name(std::string_view a, std::string_view b) {
  auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; };
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [&](char x, char y) { return lower(x) == lower(y); });
}

} // namespace

std::string sha256_hex(std::string_view bytes) {
  unsigned char digest[SHA256_DIGEST_LENGTH];
  SHA256(reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size(), digest);
  std::string out;
  for (auto byte : digest) {
    out.push_back("0123456789abcdef"[byte >> 4]);
    out.push_back("0123456789abcdef"[byte & 15]);
  }
  return out;
}

result<gatekeeper> gatekeeper::make(const config::admin_section& from,
                                    std::vector<std::string> names) {
  gatekeeper out;
  out.names_ = std::move(names);
  out.names_.emplace_back("localhost");
  if (from.listen)
    out.names_.push_back(from.listen->host);
  out.read_only_without_token_ = from.read_only_without_token;
  for (auto& x : from.tokens) {
    token next{x.name, role_of(x.role), x.sha256};
    if (!x.token_file.empty()) {
      auto text = read_token(x);
      if (!text)
        return std::move(text).error();
      next.sha256 = sha256_hex(*text);
    }
    for (auto& c : next.sha256)
      if (c >= 'A' && c <= 'F')
        c = static_cast<char>(c - 'A' + 'a');
    for (auto& known : out.tokens_)
      if (known.sha256 == next.sha256)
        return error{errc::invalid_config,
                     "'" + known.name + "' and '" + next.name + "' have the same token",
                     "admin.tokens",
                     {}};
    out.tokens_.push_back(std::move(next));
  }
  return out;
}

bool gatekeeper::is_own_name(std::string_view host) const {
  return is_ip_address(std::string{host})
         || std::any_of(names_.begin(), names_.end(),
                        [&](const std::string& name) { return same_name(name, host); });
}

result<http::identity> gatekeeper::identify(const http::request& from) const {
  if (http::same_user(from))
    return http::identity{http::role::admin, "uid:" + std::to_string(from.uid.value_or(0))};
  auto given = from.bearer_token();
  if (given.empty()) {
    // Over TLS the certificate has named the server. Without Host it is HTTP/1.0, which no browser speaks.
    if (from.peer == http::peer_kind::tcp && !from.secure && from.headers.has("Host")
        && !is_own_name(host_of(from.headers.get("Host"))))
      return error{errc::forbidden,
                   "without a token this node answers only under its own name, not as '"
                     + std::string{from.headers.get("Host").substr(0, 100)} + "'",
                   "header Host", "an IP address, localhost, the host of admin.listen, or a token"};
    return read_only_without_token_ ? http::identity{http::role::viewer, std::string{anonymous}}
                                    : http::identity{};
  }
  auto hash = sha256_hex(given);
  const token* found = nullptr;
  // All of them, always: how long it takes says nothing about which one was near.
  for (auto& known : tokens_)
    if (known.sha256.size() == hash.size()
        && CRYPTO_memcmp(known.sha256.data(), hash.data(), hash.size()) == 0)
      found = &known;
  if (found == nullptr)
    return error{errc::unauthorized, "the token is not known here", "header Authorization", {}};
  return http::identity{found->role, "token:" + found->name};
}

} // namespace coppice::admin
