#include "runtime/node/config/read.hpp"

#include "runtime/node/config/keys.hpp"

#include <charconv>

namespace coppice::config {

namespace {

/// One section. A key that the table lacks is a bug, and so is a value that the table does not
/// accept.
class reader {
public:
  reader(const value* section, std::string path, std::set<std::string>* keys)
    : section_(section),
      path_(std::move(path)),
      keys_(keys) {}

  bool present() const { return section_ != nullptr; }
  const value* raw(std::string_view key) const { return look(key).second; }

  reader section(std::string_view key) const {
    auto [info, x] = look(key);
    return {x, std::string{info->path}, keys_};
  }

  std::vector<reader> sections(std::string_view key) const {
    auto [info, x] = look(key);
    auto pattern =
      info->type == value_type::tree ? std::string{"user[]"} : std::string{info->path} + "[]";
    std::vector<reader> out;
    for (size_t i = 0; x != nullptr && i < x->items.size(); ++i)
      out.push_back({&x->items[i], pattern, keys_});
    return out;
  }

  std::string text(std::string_view key) const {
    auto [info, x] = look(key);
    return x == nullptr ? std::string{info->fallback} : x->text;
  }

  std::vector<std::string> texts(std::string_view key) const {
    std::vector<std::string> out;
    if (const auto* x = raw(key))
      for (auto& item : x->items)
        out.push_back(item.text);
    return out;
  }

  coppice::duration time(std::string_view key) const { return must(parse_duration(text(key))); }
  uint64_t size(std::string_view key) const { return must(parse_size(text(key))); }
  bool flag(std::string_view key) const { return text(key) == "true"; }
  double real(std::string_view key) const { return std::strtod(text(key).c_str(), nullptr); }

  template <class T>
  T integer(std::string_view key) const {
    auto t = text(key);
    T out{};
    auto [end, failure] = std::from_chars(t.data(), t.data() + t.size(), out);
    COPPICE_ASSERT(failure == std::errc{} && end == t.data() + t.size());
    return out;
  }

  template <class T>
  T word(std::string_view key) const {
    T out{};
    auto known = from_string(text(key), out);
    COPPICE_ASSERT(known);
    return out;
  }

  std::optional<config::endpoint> endpoint(std::string_view key) const {
    auto t = text(key);
    return t.empty() ? std::optional<config::endpoint>{} : must(parse_endpoint(t));
  }

  json_text json(std::string_view key) const {
    auto [info, x] = look(key);
    if (x == nullptr || x->what == value::kind::null)
      return {std::string{info->fallback}, {}};
    return to_json(*x);
  }

  origin where() const { return section_ == nullptr ? origin{"default", 0, 0} : section_->where; }

  template <class T>
  static T must(result<T> x) {
    COPPICE_ASSERT(x.has_value());
    return std::move(*x);
  }

private:
  std::pair<const key_info*, const value*> look(std::string_view key) const {
    auto path = path_.empty() ? std::string{key} : path_ + "." + std::string{key};
    const auto* info = find_key(path);
    COPPICE_ASSERT(info != nullptr);
    if (keys_ != nullptr)
      keys_->insert(path);
    return {info, section_ == nullptr ? nullptr : section_->find(key)};
  }

  const value* section_;
  std::string path_;
  std::set<std::string>* keys_;
};

certificate_files read_files(const reader& in) {
  return {in.text("ca"), in.text("cert"), in.text("key")};
}

void read_cluster(const reader& in, cluster_section& out) {
  out.name = in.text("name");
  out.listen = in.endpoint("listen");
  out.advertise = in.endpoint("advertise");
  for (auto& seed : in.texts("seeds"))
    out.seeds.push_back(reader::must(parse_endpoint(seed)));
  out.certificates = read_files(in.section("certificates"));
}

void read_admin(const reader& in, admin_section& out) {
  out.socket = in.text("socket");
  out.listen = in.endpoint("listen");
  out.tls = read_files(in.section("tls"));
  for (auto& token : in.sections("tokens")) {
    auto role = token.text("role");
    out.tokens.push_back({token.text("name"),
                          role == "admin"      ? token_role::admin
                          : role == "operator" ? token_role::operator_
                                               : token_role::viewer,
                          token.text("token_file"), token.text("sha256")});
  }
  out.read_only_without_token = in.flag("read_only_without_token");
  out.body_limit = in.size("body_limit");
}

void read_nats(const reader& in, nats_section& out) {
  out.url = in.text("url");
  out.managed = in.flag("managed");
  out.port = in.integer<uint16_t>("port");
  out.store = in.text("store");
  out.credentials = in.text("credentials");
  out.tls = read_files(in.section("tls"));
}

void read_events(const reader& in, events_section& out) {
  for (auto& x : in.sections("streams"))
    out.streams.push_back(
      {x.text("name"), x.texts("subjects"), x.time("max_age"), x.size("max_bytes"), x.where()});
  for (auto& x : in.sections("bridges"))
    out.bridges.push_back(
      {x.text("subject"), x.text("durable"), x.text("to"), x.text("type"), x.where()});
}

void read_log(const reader& in, log_section& out) {
  out.level = in.word<log_level>("level");
  if (const auto* levels = in.raw("levels"))
    for (auto& member : levels->members) {
      auto known = from_string(member.value.text, out.levels[member.key]);
      COPPICE_ASSERT(known);
    }
  out.file = in.text("file");
  out.max_bytes = in.size("max_bytes");
  out.files = in.integer<uint32_t>("files");
}

void read_rest(const reader& in, node_config& out) {
  auto telemetry = in.section("telemetry");
  out.telemetry.metrics = telemetry.flag("metrics");
  out.telemetry.sampling = telemetry.real("sampling");
  out.telemetry.otlp_endpoint = telemetry.text("otlp_endpoint");
  out.alert_rules = in.section("alerts").json("rules");
  out.chaos_enabled = in.section("chaos").flag("enabled");
  auto scheduler = in.section("scheduler");
  out.scheduler.threads = scheduler.integer<uint32_t>("threads");
  out.scheduler.max_throughput = scheduler.integer<uint32_t>("max_throughput");
  auto limits = in.section("limits");
  out.limits.connections = limits.integer<uint32_t>("connections");
  out.limits.event_streams = limits.integer<uint32_t>("event_streams");
  out.limits.outbox_events = limits.integer<uint64_t>("outbox_events");
  out.limits.dead_letters_per_second = limits.integer<uint32_t>("dead_letters_per_second");
}

std::optional<supervision::backoff_spec> read_backoff(const reader& in) {
  supervision::backoff_spec out;
  out.min = in.time("min");
  out.max = in.time("max");
  out.jitter = in.real("jitter");
  if (!in.text("reset_after").empty())
    out.reset_after = in.time("reset_after");
  if (auto limit = in.text("give_up_after");
      limit.find_first_not_of("0123456789") != std::string::npos)
    out.give_up_after_time = in.time("give_up_after");
  else if (!limit.empty())
    out.give_up_after_count = in.integer<uint32_t>("give_up_after");
  return in.present() ? std::optional{out} : std::nullopt;
}

tree_child read_child(const reader& in) {
  tree_child out;
  out.where = in.where();
  out.spec.id = in.text("id");
  auto own = in.section("supervisor");
  out.spec.kind =
    own.present() ? supervision::child_kind::supervisor : supervision::child_kind::worker;
  out.flags.strategy = own.word<supervision::strategy>("strategy");
  out.flags.intensity = own.integer<uint32_t>("intensity");
  out.flags.period = own.time("period");
  out.flags.auto_shutdown = own.word<supervision::auto_shutdown>("auto_shutdown");
  out.type = in.text("type");
  out.args = in.json("args");
  out.spec.restart = in.word<supervision::restart_type>("restart");
  out.spec.shutdown = reader::must(supervision::parse_shutdown(in.text("shutdown")));
  // OTP's default: a supervisor gets all the time that its children need.
  if (own.present() && in.raw("shutdown") == nullptr)
    out.spec.shutdown.what = supervision::shutdown_spec::kind::infinity;
  out.spec.significant = in.flag("significant");
  out.spec.backoff = read_backoff(in.section("backoff"));
  auto mailbox = in.section("mailbox");
  out.spec.mailbox.limit = mailbox.integer<uint32_t>("limit");
  out.spec.mailbox.overflow = mailbox.word<supervision::overflow>("overflow");
  out.spec.mailbox.on_restart = mailbox.word<supervision::on_restart>("on_restart");
  out.spec.poison_retries = in.section("poison").integer<uint32_t>("retries");
  out.spec.isolation = in.word<supervision::isolation>("isolation");
  auto placement = in.section("placement");
  out.placement = {placement.text("node"), placement.text("role")};
  for (auto& child : in.sections("children"))
    out.children.push_back(read_child(child));
  return out;
}

void read_store(const reader& in, store_section& out) {
  out.path = in.text("path");
  auto postgres = in.section("postgres");
  postgres_section found{postgres.text("url"), postgres.text("schema"),
                         postgres.text("password_file")};
  if (!found.url.empty())
    out.postgres = std::move(found);
}

} // namespace

node_config read_node(const value& merged, std::set<std::string>* keys) {
  reader in{&merged, "", keys};
  node_config out;
  auto node = in.section("node");
  out.node = {node.text("name"), node.text("data"), node.texts("roles")};
  read_cluster(in.section("cluster"), out.cluster);
  read_admin(in.section("admin"), out.admin);
  read_nats(in.section("nats"), out.nats);
  read_events(in.section("events"), out.events);
  read_store(in.section("store"), out.store);
  read_log(in.section("log"), out.log);
  read_rest(in, out);
  for (auto& child : in.sections("user"))
    out.user.push_back(read_child(child));
  return out;
}

} // namespace coppice::config
