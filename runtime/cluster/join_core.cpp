#include "runtime/cluster/join_core.hpp"

#include "runtime/base/address.hpp"

#include <boost/json.hpp>

namespace coppice::cluster {

namespace {

namespace json = boost::json;

constexpr size_t depth_max = 16;

error broken(std::string message, std::string at = {}) {
  return error{errc::protocol, std::move(message), std::move(at), ""};
}

result<json::object> parse_object(std::string_view text) {
  if (text.size() > preface_bytes_max)
    return error{errc::too_large,
                 "a join message of " + std::to_string(text.size()) + " bytes; at most 1048576", "",
                 ""};
  json::parse_options options;
  options.max_depth = depth_max;
  boost::system::error_code code;
  auto value = json::parse({text.data(), text.size()}, code, {}, options);
  if (code)
    return broken("a join message is not JSON: " + code.message());
  if (!value.is_object())
    return broken("a join message is not a JSON object");
  return std::move(value.get_object());
}

/// A required text field of at most `size_max` bytes.
result<std::string> text_field(const json::object& x, std::string_view key, size_t size_max,
                               bool required = true) {
  const auto* value = x.if_contains({key.data(), key.size()});
  if (value == nullptr && !required)
    return std::string{};
  if (value == nullptr || !value->is_string())
    return broken("the hello lacks the text '" + std::string{key} + "'", "/" + std::string{key});
  const auto& text = value->get_string();
  if (text.size() > size_max)
    return broken("'" + std::string{key} + "' has " + std::to_string(text.size())
                    + " bytes; at most " + std::to_string(size_max),
                  "/" + std::string{key});
  for (unsigned char c : text)
    if (c < 0x20 || c == 0x7f)
      return broken("'" + std::string{key} + "' has control characters", "/" + std::string{key});
  return std::string{text.data(), text.size()};
}

bool is_number(std::string_view x) {
  if (x.empty() || x.size() > 20 || (x[0] == '0' && x.size() > 1))
    return false;
  for (char c : x)
    if (c < '0' || c > '9')
      return false;
  return true;
}

/// Nanoseconds as text, or as a JSON number as other implementations may write it.
result<std::string> incarnation_field(const json::object& x) {
  const auto* value = x.if_contains("incarnation");
  std::string out;
  if (value != nullptr && value->is_string())
    out.assign(value->get_string().data(), value->get_string().size());
  else if (value != nullptr && value->is_int64() && value->get_int64() >= 0)
    out = std::to_string(value->get_int64());
  else if (value != nullptr && value->is_uint64())
    out = std::to_string(value->get_uint64());
  if (!is_number(out))
    return broken("the hello lacks the number 'incarnation'", "/incarnation");
  return out;
}

result<std::vector<std::string>> roles_field(const json::object& x) {
  constexpr size_t roles_max = 64;
  std::vector<std::string> out;
  const auto* value = x.if_contains("roles");
  if (value == nullptr)
    return out;
  if (!value->is_array() || value->get_array().size() > roles_max)
    return broken("'roles' is not a list of at most 64 names", "/roles");
  for (const auto& role : value->get_array()) {
    if (!role.is_string() || !is_name({role.get_string().data(), role.get_string().size()}))
      return broken("'roles' has something that is no name", "/roles");
    out.emplace_back(role.get_string().data(), role.get_string().size());
  }
  return out;
}

/// Numbers as text without leading zeros: the longer is the larger.
bool number_less(const std::string& a, const std::string& b) {
  return a.size() != b.size() ? a.size() < b.size() : a < b;
}

std::string simple_message(const char* type) {
  return json::serialize(json::object{{"type", type}});
}

result<hello> read_hello(const json::object& x) {
  hello out;
  const auto* protocol = x.if_contains("protocol");
  if (protocol == nullptr || !protocol->is_int64())
    return broken("the hello lacks the number 'protocol'", "/protocol");
  out.protocol = protocol->get_int64();
  struct {
    const char* key;
    std::string* to;
    size_t size_max;
    bool required;
  } texts[] = {{"cluster", &out.cluster, 63, true},   {"node", &out.node, 63, true},
               {"version", &out.version, 64, true},   {"schema", &out.schema, 128, true},
               {"address", &out.address, 270, false}, {"admin_url", &out.admin_url, 512, false}};
  for (auto& field : texts) {
    auto text = text_field(x, field.key, field.size_max, field.required);
    if (!text)
      return std::move(text).error();
    *field.to = std::move(*text);
  }
  if (!is_name(out.node))
    return broken("'" + out.node + "' is no node name", "/node");
  auto incarnation = incarnation_field(x);
  if (!incarnation)
    return std::move(incarnation).error();
  out.incarnation = std::move(*incarnation);
  auto roles = roles_field(x);
  if (!roles)
    return std::move(roles).error();
  out.roles = std::move(*roles);
  return out;
}

} // namespace

std::string preface_frame(std::string_view text) {
  auto size = static_cast<uint32_t>(text.size());
  std::string out;
  out.reserve(text.size() + 4);
  for (int shift = 24; shift >= 0; shift -= 8)
    out.push_back(static_cast<char>(size >> shift));
  out.append(text);
  return out;
}

result<size_t> preface_length(const unsigned char (&header)[4]) {
  size_t size =
    (size_t{header[0]} << 24) | (size_t{header[1]} << 16) | (size_t{header[2]} << 8) | header[3];
  if (size == 0)
    return broken("an empty join message");
  if (size > preface_bytes_max)
    return error{errc::too_large,
                 "a join message of " + std::to_string(size) + " bytes; at most 1048576", "", ""};
  return size;
}

std::string to_json(const hello& x) {
  json::array roles;
  for (const auto& role : x.roles)
    roles.emplace_back(role);
  return json::serialize(json::object{{"type", "hello"},
                                      {"protocol", x.protocol},
                                      {"cluster", x.cluster},
                                      {"node", x.node},
                                      {"incarnation", x.incarnation},
                                      {"version", x.version},
                                      {"roles", std::move(roles)},
                                      {"schema", x.schema},
                                      {"address", x.address},
                                      {"admin_url", x.admin_url}});
}

result<hello> hello_from_json(std::string_view text) {
  auto x = parse_object(text);
  if (!x)
    return std::move(x).error();
  return read_hello(*x);
}

join_core::join_core(join_config config) : config_(std::move(config)) {}

void join_core::start() {
  messages_.push_back(to_json(config_.self));
}

std::vector<std::string> join_core::take_messages() {
  return std::exchange(messages_, {});
}

void join_core::refuse(std::string reason, error what) {
  if (over())
    return;
  state_ = state::refused;
  messages_.push_back(json::serialize(json::object{{"type", "refuse"},
                                                   {"reason", reason},
                                                   {"code", std::string{to_string(what.code)}},
                                                   {"message", what.message}}));
  refusal_ = refusal{std::move(reason), std::move(what), false, false};
}

void join_core::step(std::string_view text) {
  if (over())
    return;
  auto message = parse_object(text);
  if (!message)
    return refuse("malformed", std::move(message).error());
  const auto* type = message->if_contains("type");
  if (type == nullptr || !type->is_string())
    return refuse("malformed", broken("a join message has no 'type'"));
  std::string_view name{type->get_string().data(), type->get_string().size()};
  auto text_of = [&](const char* key) -> std::string_view {
    const auto* value = message->if_contains(key);
    if (value == nullptr || !value->is_string())
      return {};
    return {value->get_string().data(), value->get_string().size()};
  };
  if (name == "refuse")
    return on_refuse(text_of("reason"), text_of("code"), text_of("message"));
  if (name == "hello" && state_ == state::greeting)
    return on_hello(text);
  if (name == "table" && state_ == state::comparing)
    return on_table(text_of("table"));
  if (name == "ready" && state_ == state::waiting && decider()) {
    state_ = state::deciding;
    return;
  }
  if (name == "accept" && state_ == state::waiting && !decider()) {
    state_ = state::joined;
    return;
  }
  unexpected(name);
}

void join_core::on_hello(std::string_view text) {
  auto peer = hello_from_json(text);
  if (!peer)
    return refuse("malformed", std::move(peer).error());
  peer_ = std::move(*peer);
  if (!check_peer())
    return;
  if (peer_->schema == config_.self.schema)
    return checked();
  state_ = state::comparing;
  messages_.push_back(json::serialize(json::object{{"type", "table"}, {"table", config_.table}}));
}

bool join_core::check_peer() {
  const auto& self = config_.self;
  auto no = [this](std::string reason, errc code, std::string message) {
    refuse(std::move(reason), error{code, std::move(message), "", ""});
    return false;
  };
  if (peer_->protocol != self.protocol)
    return no("protocol_version", errc::join_refused,
              "join protocol " + std::to_string(peer_->protocol) + " is not ours, "
                + std::to_string(self.protocol));
  if (peer_->node != config_.certificate_name)
    return no("node_name", errc::join_refused,
              "the certificate is for '" + config_.certificate_name
                + "', the node says that it is '" + peer_->node + "'");
  if (peer_->cluster != self.cluster)
    return no("cluster_name", errc::join_refused,
              "node '" + peer_->node + "' belongs to cluster '" + peer_->cluster + "', node '"
                + self.node + "' to '" + self.cluster + "'");
  if (peer_->node == self.node && peer_->incarnation == self.incarnation)
    return no("self", errc::refused, "node '" + self.node + "' dialled itself");
  if (peer_->node == self.node) {
    // Both sides come here with the same facts, and both know which of them started later.
    bool we_are_new = number_less(peer_->incarnation, self.incarnation);
    no("name_in_use", errc::already_exists,
       "the name '" + self.node + "' is in use"
         + (we_are_new ? " by a node that runs already" : "; the node that runs keeps it"));
    refusal_.against_us = we_are_new;
    return false;
  }
  if (!config_.expected.empty() && peer_->node != config_.expected)
    return no("node_name", errc::join_refused,
              "node '" + config_.expected + "' was dialled, '" + peer_->node + "' answered");
  return true;
}

void join_core::on_table(std::string_view theirs) {
  if (!config_.compare)
    return refuse("schema", error{errc::join_refused,
                                  "the wire types differ: " + config_.self.schema + " here, "
                                    + peer_->schema + " on node '" + peer_->node + "'",
                                  "", ""});
  auto verdict = config_.compare(config_.table, theirs);
  if (!verdict)
    return refuse("schema",
                  error{errc::join_refused, verdict.error().message, verdict.error().at, ""});
  checked();
}

void join_core::checked() {
  state_ = decider() ? state::waiting : state::deciding;
}

void join_core::accept() {
  COPPICE_ASSERT(state_ == state::deciding);
  messages_.push_back(simple_message(decider() ? "accept" : "ready"));
  state_ = decider() ? state::joined : state::waiting;
}

void join_core::on_refuse(std::string_view reason, std::string_view code,
                          std::string_view message) {
  constexpr size_t words_max = 2000;
  state_ = state::refused;
  auto known = errc_from_string(code).value_or(errc::join_refused);
  if (known == errc::none)
    known = errc::join_refused;
  refusal_ = refusal{std::string{reason.empty() ? "refused" : reason.substr(0, 40)},
                     error{known, std::string{message.substr(0, words_max)}, "", ""}, true, true};
}

void join_core::unexpected(std::string_view type) {
  refuse("malformed",
         broken("a join message '" + std::string{type.substr(0, 40)} + "' at the wrong time"));
}

} // namespace coppice::cluster
