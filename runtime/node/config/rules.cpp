#include "runtime/node/config/check.hpp"

#include "runtime/node/config/every_failure.hpp"

#include <algorithm>
#include <map>

namespace coppice::config {

namespace {

bool is_wildcard(std::string_view host) {
  return host == "0.0.0.0" || host == "::";
}

bool is_loopback(std::string_view host) {
  return host.starts_with("127.") || host == "::1" || host == "localhost";
}

void note(std::vector<mistake>& mistakes, const value& at, std::string key, std::string found,
          std::string expected) {
  mistakes.push_back({at.where, std::move(key), std::move(found), std::move(expected), {}});
}

/// Files that only make sense together.
void check_files(const value* section, const std::string& shown, bool with_ca,
                 std::vector<mistake>& mistakes) {
  if (section == nullptr || section->members.empty())
    return;
  auto keys = with_ca ? std::vector<std::string>{"ca", "cert", "key"}
                      : std::vector<std::string>{"cert", "key"};
  auto present = std::count_if(keys.begin(), keys.end(),
                               [&](auto& key) { return section->find(key) != nullptr; });
  if (present == 0 || present == static_cast<long>(keys.size()))
    return;
  for (auto& key : keys)
    if (section->find(key) == nullptr)
      note(mistakes, *section, shown + "." + key, "nothing",
           with_ca ? "ca, cert and key together" : "cert and key together");
}

/// A node that is to join others takes links itself, and links need certificates.
void check_joining(const value& node, std::vector<mistake>& mistakes) {
  const auto* seeds = node.find("cluster", "seeds");
  if (seeds == nullptr || seeds->items.empty())
    return;
  const auto* listen = node.find("cluster", "listen");
  const auto* files = node.find("cluster", "certificates");
  auto listens = listen != nullptr && listen->what != value::kind::null;
  auto certified = files != nullptr && !files->members.empty();
  if (listens && certified)
    return;
  std::string missing = listens ? "" : "cluster.listen";
  std::string wanted = listens ? "" : "HOST:PORT where this node takes links of others";
  if (!certified) {
    missing += std::string{listens ? "" : " and "} + "cluster.certificates";
    wanted += std::string{listens ? "" : ", and "}
              + "the files ca, cert and key (`coppice pki init` and `pki issue` make them)";
  }
  note(mistakes, *seeds, "cluster.seeds", "seeds without " + missing, wanted);
}

void check_cluster(const value& node, std::vector<mistake>& mistakes) {
  check_joining(node, mistakes);
  check_files(node.find("cluster", "certificates"), "cluster.certificates", true, mistakes);
  auto no_port = [&](const value& x, const std::string& key) {
    if (x.what != value::kind::scalar)
      return;
    auto parsed = parse_endpoint(x.text);
    if (parsed && parsed->port == 0)
      note(mistakes, x, key, describe_kind(x), "a port from 1 to 65535; others must know it");
    else if (parsed && is_wildcard(parsed->host))
      note(mistakes, x, key, describe_kind(x), "an address that others can reach");
  };
  if (const auto* advertise = node.find("cluster", "advertise"))
    no_port(*advertise, "cluster.advertise");
  if (const auto* seeds = node.find("cluster", "seeds"))
    for (size_t i = 0; i < seeds->items.size(); ++i)
      no_port(seeds->items[i], "cluster.seeds[" + std::to_string(i) + "]");
}

void check_admin(const value& node, std::vector<mistake>& mistakes) {
  const auto* tls = node.find("admin", "tls");
  check_files(tls, "admin.tls", false, mistakes);
  if (tls != nullptr && tls->find("ca") != nullptr && tls->find("cert") == nullptr)
    note(mistakes, *tls, "admin.tls.cert", "nothing", "cert and key beside ca");
  const auto* tokens = node.find("admin", "tokens");
  const auto* listen = node.find("admin", "listen");
  auto address = parse_endpoint(node.text_at("admin", "listen"));
  auto plain = tls == nullptr || tls->find("cert") == nullptr;
  if (listen != nullptr && address && plain && tokens != nullptr && !tokens->items.empty()
      && !is_loopback(address->host))
    note(mistakes, *listen, "admin.listen",
         "tokens on " + describe_kind(*listen) + " without admin.tls",
         "admin.tls, or an address on 127.0.0.1");
  if (tokens == nullptr)
    return;
  std::map<std::string_view, uint32_t> names;
  for (size_t i = 0; i < tokens->items.size(); ++i) {
    auto& token = tokens->items[i];
    auto shown = "admin.tokens[" + std::to_string(i) + "]";
    auto both = (token.find("token_file") != nullptr) + (token.find("sha256") != nullptr);
    if (token.what == value::kind::map && both != 1)
      note(mistakes, token, shown,
           both == 0 ? "neither token_file nor sha256" : "both token_file and sha256",
           "one of the two");
    if (const auto* name = token.find("name");
        name != nullptr && name->what == value::kind::scalar
        && !names.emplace(name->text, name->where.line).second)
      note(mistakes, *name, shown + ".name", describe_kind(*name) + " a second time",
           "each name once");
  }
}

void check_nats(const value& node, std::vector<mistake>& mistakes) {
  const auto* nats = node.find("nats");
  if (nats == nullptr)
    return;
  check_files(nats->find("tls"), "nats.tls", false, mistakes);
  const auto* url = nats->find("url");
  auto managed = nats->text_at("managed") == "true";
  if (url != nullptr && managed)
    note(mistakes, *url, "nats.url", "a url beside managed: true", "one of the two");
  for (const auto* key : {"port", "store"})
    if (const auto* x = nats->find(key); x != nullptr && !managed && x->text != "0")
      note(mistakes, *x, std::string{"nats."} + key, describe_kind(*x) + " without managed: true",
           "managed: true beside it");
}

void check_streams(const value& node, std::vector<mistake>& mistakes) {
  const auto* streams = node.find("events", "streams");
  if (streams == nullptr)
    return;
  struct known_subject {
    const value* subject;
    size_t stream;
  };
  std::vector<known_subject> subjects;
  std::map<std::string_view, uint32_t> names;
  for (size_t i = 0; i < streams->items.size(); ++i) {
    auto& stream = streams->items[i];
    auto shown = "events.streams[" + std::to_string(i) + "]";
    if (const auto* name = stream.find("name");
        name != nullptr && name->what == value::kind::scalar) {
      auto [first, fresh] = names.emplace(name->text, name->where.line);
      if (!fresh)
        note(mistakes, *name, shown + ".name",
             describe_kind(*name) + " a second time; first on line "
               + std::to_string(first->second),
             "each stream once");
    }
    const auto* list = stream.find("subjects");
    for (size_t j = 0; list != nullptr && j < list->items.size() && subjects.size() < 2000; ++j) {
      for (auto& other : subjects)
        if (other.stream != i && subjects_overlap(list->items[j].text, other.subject->text))
          note(mistakes, list->items[j], shown + ".subjects[" + std::to_string(j) + "]",
               describe_kind(list->items[j]) + ", which overlaps '" + other.subject->text
                 + "' on line " + std::to_string(other.subject->where.line),
               "each subject in one stream");
      subjects.push_back({&list->items[j], i});
    }
  }
}

void check_bridges(const value& node, const message_checker& check_message,
                   std::vector<mistake>& mistakes) {
  const auto* bridges = node.find("events", "bridges");
  if (bridges == nullptr)
    return;
  std::map<std::string_view, uint32_t> durables;
  for (size_t i = 0; i < bridges->items.size(); ++i) {
    const auto* durable = bridges->items[i].find("durable");
    if (durable != nullptr && durable->what == value::kind::scalar
        && !durables.emplace(durable->text, durable->where.line).second)
      note(mistakes, *durable, "events.bridges[" + std::to_string(i) + "].durable",
           describe_kind(*durable) + " a second time", "a durable name for each bridge");
    const auto* type = bridges->items[i].find("type");
    if (type == nullptr || type->what != value::kind::scalar || !check_message)
      continue;
    if (auto known = check_message(type->text); !known)
      mistakes.push_back({type->where, "events.bridges[" + std::to_string(i) + "].type",
                          known.error().message, "a message type", known.error().hint});
  }
}

/// Where two nodes can meet: the host that others reach them at.
std::string machine_of(const value& node) {
  for (const auto* key : {"advertise", "listen"})
    if (auto x = parse_endpoint(node.text_at("cluster", key)); x && !is_wildcard(x->host))
      return is_loopback(x->host) ? "127.0.0.1" : x->host;
  return {};
}

/// Two nodes cannot have one address. What only matters on one machine is compared only when the
/// nodes seem to share one.
void check_pairs(const std::vector<const value*>& nodes, std::vector<mistake>& mistakes) {
  struct exclusive {
    const char* section;
    const char* key;
    bool everywhere;
  };
  constexpr exclusive keys[] = {{"cluster", "listen", true}, {"cluster", "advertise", true},
                                {"admin", "listen", false},  {"admin", "socket", false},
                                {"node", "data", false},     {"store", "path", false}};
  for (auto& what : keys) {
    std::map<std::string, const value*> seen;
    for (const auto* node : nodes) {
      const auto* x = node->find(what.section, what.key);
      if (x == nullptr || x->what != value::kind::scalar)
        continue;
      auto address = parse_endpoint(x->text);
      auto is_address = what.key != std::string_view{"socket"}
                        && what.section != std::string_view{"node"}
                        && what.section != std::string_view{"store"};
      if (is_address && (!address || address->port == 0))
        continue;
      // Behind a wildcard the advertised addresses tell the nodes apart.
      if (is_address && is_wildcard(address->host) && !machine_of(*node).empty())
        continue;
      auto id = what.everywhere ? x->text : machine_of(*node) + " " + x->text;
      auto [first, fresh] = seen.emplace(id, node);
      if (!fresh)
        note(mistakes, *x, std::string{what.section} + "." + what.key,
             describe_kind(*x) + " of node " + std::string{node->text_at("node", "name")}
               + ", which node " + std::string{first->second->text_at("node", "name")} + " has too",
             "one of its own for each node");
    }
  }
}

void check_own_ports(const value& node, std::vector<mistake>& mistakes) {
  const auto* admin = node.find("admin", "listen");
  auto own = parse_endpoint(node.text_at("admin", "listen"));
  if (admin != nullptr && own && own->port != 0 && admin->text == node.text_at("cluster", "listen"))
    note(mistakes, *admin, "admin.listen", describe_kind(*admin) + ", which is cluster.listen too",
         "another port");
}

void check_handed_on(const value& node, std::string_view section, std::string_view key,
                     const setting_checker& check, std::vector<mistake>& mistakes) {
  const auto* x = node.find(section, key);
  if (!check || x == nullptr || x->what != value::kind::list)
    return;
  auto name = std::string{section} + "." + std::string{key};
  auto note = [&](const error& why, const json_text& of) {
    // `/0/above` of alerts.rules is alerts.rules[0].above.
    auto shown = name;
    for (auto rest = std::string_view{why.at}; !rest.empty();) {
      rest.remove_prefix(1);
      auto segment = rest.substr(0, rest.find('/'));
      rest.remove_prefix(segment.size());
      auto is_index = !segment.empty() && segment.find_first_not_of("0123456789") == segment.npos;
      shown += is_index ? "[" + std::string{segment} + "]" : "." + std::string{segment};
    }
    auto where = of.at(why.at);
    mistakes.push_back({where.line == 0 ? x->where : where, shown, why.message, {}, why.hint});
  };
  every_failure(
    *x, [&](std::string_view json) { return check(name, json); }, note);
}

} // namespace

bool subjects_overlap(std::string_view a, std::string_view b) {
  auto take = [](std::string_view& rest) {
    auto end = rest.find('.');
    auto token = rest.substr(0, end);
    rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
    return token;
  };
  while (!a.empty() && !b.empty()) {
    auto x = take(a);
    auto y = take(b);
    if (x == ">" || y == ">")
      return true;
    if (x != y && x != "*" && y != "*")
      return false;
  }
  return a.empty() && b.empty();
}

void check_rules(const std::vector<const value*>& nodes, const load_options& options,
                 std::vector<mistake>& mistakes) {
  std::vector<std::string> names;
  for (const auto* node : nodes)
    names.emplace_back(node->text_at("node", "name"));
  // A node file does not know the other nodes.
  if (names.size() == 1)
    names.clear();
  for (const auto* node : nodes) {
    check_cluster(*node, mistakes);
    check_admin(*node, mistakes);
    check_nats(*node, mistakes);
    check_streams(*node, mistakes);
    check_bridges(*node, options.check_message, mistakes);
    check_own_ports(*node, mistakes);
    check_handed_on(*node, "alerts", "rules", options.check_setting, mistakes);
    if (const auto* user = node->find("user"))
      check_tree(*user, names, options.check_type, mistakes);
  }
  check_pairs(nodes, mistakes);
}

} // namespace coppice::config
