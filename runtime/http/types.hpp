#pragma once

#include "runtime/base/result.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace coppice::http {

/// What a caller may do. Ordered: each role includes those before it.
enum class role : uint8_t { none, viewer, operator_, admin };

/// `none`, `viewer`, `operator`, `admin`.
std::string_view to_string(role x);
std::optional<role> role_from_string(std::string_view text);

/// Who sent a request and what they may do.
struct identity {
  identity() = default;
  identity(role granted, std::string who = {}) : granted(granted), who(std::move(who)) {}

  role granted = role::none;
  /// For the audit, e.g. `uid:1000` or the name of a token; empty: nobody in particular.
  std::string who;
};

/// Header fields in the order in which they were sent. Names are compared without regard to case
/// (RFC 9110, 5.1).
class header_list {
public:
  using value_type = std::pair<std::string, std::string>;

  header_list() = default;
  header_list(std::initializer_list<value_type> fields) : fields_(fields) {}

  /// The first value of that name; empty when there is none.
  std::string_view get(std::string_view name) const;
  bool has(std::string_view name) const;
  size_t count(std::string_view name) const;

  /// Replaces every field of that name.
  void set(std::string_view name, std::string value);
  void add(std::string name, std::string value);
  void remove(std::string_view name);

  auto begin() const { return fields_.begin(); }
  auto end() const { return fields_.end(); }
  size_t size() const { return fields_.size(); }
  bool empty() const { return fields_.empty(); }

private:
  std::vector<value_type> fields_;
};

enum class peer_kind : uint8_t { unix_socket, tcp };

using string_map = std::map<std::string, std::string, std::less<>>;

struct request {
  std::string method; ///< Upper case as sent, e.g. `GET`.
  std::string target; ///< As sent: `/v1/tree?path=%2Fuser`.
  std::string path;   ///< Decoded path, without the query.
  /// The path split at `/`, then decoded: a `%2F` stays inside its segment.
  std::vector<std::string> segments;
  /// Decoded; `+` is a space, as forms send it. A name given twice is refused.
  string_map query;
  /// `{name}` of the route's pattern, decoded; filled in by the router.
  string_map params;
  header_list headers;
  std::string body;
  peer_kind peer = peer_kind::tcp;
  bool secure = false;         ///< Came over TLS.
  std::string remote;          ///< `127.0.0.1:4711`, or `uid:1000 pid:77` on a Unix socket.
  std::optional<uint32_t> uid; ///< The peer's user on a Unix socket (SO_PEERCRED).
  result<identity> caller = identity{}; ///< What server_options::authenticate said.

  /// The value of a query parameter; empty when absent.
  std::string_view query_value(std::string_view name) const;

  /// The value of a path parameter; empty when absent.
  std::string_view param(std::string_view name) const;

  /// The token of `Authorization: Bearer TOKEN`; empty when there is none.
  std::string_view bearer_token() const;

  /// Who the caller is; nobody when authentication failed.
  identity who() const { return caller ? *caller : identity{}; }
};

/// Fills in target, path, segments and query from a request target in origin form (`/a/b?c=d`).
/// Errors: errc::invalid_value for a bad escape, a control character, broken UTF-8 or a parameter
/// given twice.
result<void> set_target(request& to, std::string_view target);

/// A request as a test or an in-process caller makes it; same errors as set_target.
result<request> make_request(std::string method, std::string_view target, std::string body = {});

struct response {
  int status = 200;
  /// Without Content-Type, Content-Length, Connection and Date: the server sets these.
  header_list headers;
  std::string body;
  std::string content_type; ///< Empty: none is sent.

  bool ok() const { return status >= 200 && status < 300; }
};

/// An answer whose body is JSON text already.
response json(int status, std::string text);
response text(int status, std::string plain);
response html(int status, std::string markup);

/// 204.
response no_content();

/// An error as a problem document (RFC 9457): `type title status detail` and the members `code at
/// hint`. The status is the one of the code in errc's table. What a text quotes and each part of a
/// place are cut to 100 bytes with `...`, the whole detail to 16,000, place and hint to 1,000.
response problem(const error& reason);

/// The same with a status that HTTP has and our codes have not (405, 408, 431 ...).
response problem(int status, const error& reason);

/// The error that an answer carries: the problem document's own, or one made from the status when
/// the body is something else; nothing when the answer is no failure (status under 400).
std::optional<error> to_error(const response& from);

/// `Not Found` for 404; empty for an unknown status.
std::string_view reason_phrase(int status);

/// `a b/c` -> `a%20b%2Fc`: everything but RFC 3986's unreserved characters, for one path segment or
/// query value.
std::string encode_component(std::string_view raw);

} // namespace coppice::http
