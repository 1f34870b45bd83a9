#include "runtime/store/kv/kv_check_core.hpp"

#include "runtime/json/utf8.hpp"

#include <set>

namespace coppice::kv {

namespace {

bool is_space_character(char c, bool first) {
  return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9')
         || (!first && (c == '_' || c == '.' || c == '-'));
}

/// One byte of somebody's text, for a message.
std::string shown(char c) {
  constexpr std::string_view digits = "0123456789abcdef";
  auto byte = static_cast<unsigned char>(c);
  if (byte > 0x20 && byte < 0x7f)
    return std::string{"'"} + c + "'";
  return std::string{"0x"} + digits[byte >> 4] + digits[byte & 15];
}

std::string bytes(size_t count) {
  return std::to_string(count) + (count == 1 ? " byte" : " bytes");
}

result<void> check_space(std::string_view x, const std::string& at) {
  std::string rule = "a namespace has 1 to " + std::to_string(space_bytes_max)
                     + " bytes of a-z, 0-9, '_', '.' and '-' and begins with a letter or digit; ";
  if (x.empty())
    return error{errc::invalid_value, rule + "this one is empty", at};
  if (x.size() > space_bytes_max)
    return error{errc::invalid_value, rule + "this one has " + bytes(x.size()), at};
  for (size_t i = 0; i < x.size(); ++i)
    if (!is_space_character(x[i], i == 0))
      return error{errc::invalid_value,
                   rule + "byte " + std::to_string(i + 1) + " is " + shown(x[i]), at};
  return {};
}

/// UTF-8 without control characters, and not longer than a key.
result<void> check_text(std::string_view what, std::string_view x, const std::string& at) {
  auto rule = std::string{what} + " has at most " + std::to_string(name_bytes_max)
              + " bytes of UTF-8 without control characters; ";
  if (x.size() > name_bytes_max)
    return error{errc::invalid_value, rule + "this one has " + bytes(x.size()), at};
  for (size_t i = 0; i < x.size();) {
    auto length = json::utf8_length(x, i);
    auto byte = static_cast<unsigned char>(x[i]);
    auto place = "byte " + std::to_string(i + 1);
    if (length == 0)
      return error{errc::invalid_value, rule + place + " (" + shown(x[i]) + ") is not UTF-8", at};
    // U+0080 to U+009F are control characters too.
    auto second = length == 2 ? static_cast<unsigned char>(x[i + 1]) : 0xffu;
    if (byte < 0x20 || byte == 0x7f || (byte == 0xc2 && second < 0xa0))
      return error{errc::invalid_value, rule + place + " begins a control character", at};
    i += length;
  }
  return {};
}

result<void> check_put(const operation& x, const std::string& at) {
  if (x.value.size() > value_bytes_max)
    return error{errc::too_large,
                 "a value has at most " + bytes(value_bytes_max) + ", this one has "
                   + bytes(x.value.size()),
                 at + "/value"};
  if (auto ok = store::check_json(x.value); !ok)
    return error{ok.error().code, ok.error().message, at + "/value" + ok.error().at};
  if (x.ttl && (*x.ttl <= duration::zero() || *x.ttl > ttl_max))
    return error{errc::invalid_value,
                 "a ttl is over 0 and at most " + coppice::to_string(ttl_max) + ", this one is "
                   + std::to_string(x.ttl->count()) + "ns",
                 at + "/ttl"};
  return {};
}

result<void> check_count(size_t count, size_t least, size_t most, std::string_view what,
                         const std::string& at) {
  if (count >= least && count <= most)
    return {};
  return error{errc::invalid_value,
               std::to_string(least) + " to " + std::to_string(most) + " " + std::string{what}
                 + " are possible at once, these are " + std::to_string(count),
               at};
}

result<void> check_limit(size_t limit, size_t most) {
  if (limit >= 1 && limit <= most)
    return {};
  return error{errc::out_of_range,
               "a limit is 1 to " + std::to_string(most) + ", this one is " + std::to_string(limit),
               "/limit"};
}

result<void> check_filter(std::string_view space, std::string_view prefix) {
  if (!space.empty())
    if (auto ok = check_space(space, "/namespace"); !ok)
      return ok;
  return check_text("a prefix", prefix, "/prefix");
}

} // namespace

result<void> check(const document_key& x, const std::string& at) {
  if (auto ok = check_space(x.space, at + "/namespace"); !ok)
    return ok;
  if (x.name.empty())
    return error{errc::missing_field,
                 "a key has 1 to " + std::to_string(name_bytes_max) + " bytes, this one is empty",
                 at + "/key"};
  return check_text("a key", x.name, at + "/key");
}

result<void> check(const transaction_request& x) {
  auto ok = check_count(x.conditions.size(), 0, operations_max, "conditions", "/conditions");
  if (ok)
    ok = check_count(x.operations.size(), 1, operations_max, "operations", "/operations");
  for (size_t i = 0; ok && i < x.conditions.size(); ++i)
    ok = check(x.conditions[i].key, "/conditions/" + std::to_string(i));
  size_t total = 0;
  std::set<std::pair<std::string_view, std::string_view>> written;
  for (size_t i = 0; ok && i < x.operations.size(); ++i) {
    const auto& one = x.operations[i];
    auto at = "/operations/" + std::to_string(i);
    ok = check(one.key, at);
    if (ok && one.what == operation::kind::put)
      ok = check_put(one, at);
    if (ok && !written.emplace(one.key.space, one.key.name).second)
      ok = error{errc::invalid_value,
                 "key '" + one.key.name + "' of namespace '" + one.key.space
                   + "' is written twice; a transaction writes a document once",
                 at + "/key"};
    total += one.value.size();
    if (ok && total > transaction_bytes_max)
      ok = error{errc::too_large,
                 "a transaction has at most " + bytes(transaction_bytes_max)
                   + " of values, this one has more",
                 at + "/value"};
  }
  return ok;
}

result<void> check(std::span<const document_key> keys) {
  auto ok = check_count(keys.size(), 1, operations_max, "keys", "/keys");
  for (size_t i = 0; ok && i < keys.size(); ++i)
    ok = check(keys[i], "/keys/" + std::to_string(i));
  return ok;
}

result<void> check(const scan_request& x) {
  if (auto ok = check_space(x.space, "/namespace"); !ok)
    return ok;
  if (auto ok = check_text("a prefix", x.prefix, "/prefix"); !ok)
    return ok;
  if (auto ok = check_text("a cursor", x.after, "/after"); !ok)
    return ok;
  if (!x.after.empty() && !x.after.starts_with(x.prefix))
    return error{errc::invalid_value,
                 "'" + x.after
                   + "' is no cursor of this scan; expected the `next` of a page with "
                     "the prefix '"
                   + x.prefix + "'",
                 "/after"};
  return check_limit(x.limit, scan_entries_max);
}

result<void> check(const changes_request& x) {
  if (auto ok = check_filter(x.space, x.prefix); !ok)
    return ok;
  return check_limit(x.limit, changes_max);
}

result<void> check(const watch_options& x) {
  return check_filter(x.space, x.prefix);
}

result<void> check_supported(const kv_properties& backend, const transaction_request& x) {
  auto refuse = [&](std::string_view what, std::string at) {
    return error{errc::refused,
                 "the " + std::string{backend.backend} + " store has no " + std::string{what},
                 std::move(at)};
  };
  if (!backend.transactional && (x.operations.size() > 1 || x.conditions.size() > 1))
    return refuse("transactions", "/operations");
  if (!backend.transactional && !x.conditions.empty() && x.conditions[0].key != x.operations[0].key)
    return refuse("transactions over several documents", "/conditions/0/key");
  for (size_t i = 0; !backend.ttl && i < x.operations.size(); ++i)
    if (x.operations[i].ttl)
      return refuse("ttl", "/operations/" + std::to_string(i) + "/ttl");
  return {};
}

result<void> check_watch_supported(const kv_properties& backend) {
  if (backend.watch)
    return {};
  return error{errc::refused, "the " + std::string{backend.backend} + " store has no watch"};
}

std::string scan_begin(const scan_request& x) {
  // Behind a text in byte order comes the text with a zero byte, which no key has.
  return x.after.empty() ? x.prefix : x.after + '\0';
}

std::string prefix_end(std::string_view prefix) {
  if (prefix.empty())
    return "\xff";
  // No byte of UTF-8 is 0xff, so that this never overflows.
  std::string out{prefix};
  out.back() = static_cast<char>(static_cast<unsigned char>(out.back()) + 1);
  return out;
}

} // namespace coppice::kv
