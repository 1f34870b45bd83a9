#include "runtime/telemetry/metrics.hpp"
#include "runtime/telemetry/actor_support.test.hpp"

#include <catch2/catch_test_macros.hpp>

#include <cctype>
#include <cstdlib>
#include <map>
#include <optional>
#include <set>
#include <sstream>

using namespace coppice;
using namespace coppice::telemetry;
using namespace coppice::telemetry::test;

namespace {

struct exposition {
  std::map<std::string, std::string> types;
  std::map<std::string, double> samples; ///< By name and labels as written.
};

/// Eats a line from the left, by the grammar of the format.
class scanner {
public:
  explicit scanner(std::string_view text) : text_(text) {}

  bool eat(std::string_view word) {
    if (!text_.starts_with(word))
      return false;
    text_.remove_prefix(word.size());
    return true;
  }

  /// `[a-zA-Z_:][a-zA-Z0-9_:]*`; empty when there is none.
  std::string name() {
    size_t n = 0;
    while (n < text_.size()
           && (std::isalpha(text_[n]) || text_[n] == '_' || text_[n] == ':'
               || (n > 0 && std::isdigit(text_[n]))))
      ++n;
    return take(n);
  }

  /// `"..."` in which a quote, a backslash and a line feed are escaped.
  bool quoted() {
    if (!eat("\""))
      return false;
    while (!text_.empty() && text_[0] != '"') {
      if (text_[0] == '\\'
          && !(text_.size() > 1 && (text_[1] == '\\' || text_[1] == '"' || text_[1] == 'n')))
        return false;
      text_.remove_prefix(text_[0] == '\\' ? 2 : 1);
    }
    return eat("\"");
  }

  /// All or nothing of `{name="value",...}`; the text as it stands there.
  std::optional<std::string> labels() {
    auto before = text_;
    if (!eat("{"))
      return "";
    do {
      if (name().empty() || !eat("=") || !quoted())
        return std::nullopt;
    } while (eat(","));
    if (!eat("}"))
      return std::nullopt;
    return std::string{before.substr(0, before.size() - text_.size())};
  }

  /// The rest, which must be a number.
  std::optional<double> number() {
    std::string rest{text_};
    char* end = nullptr;
    auto out = std::strtod(rest.c_str(), &end);
    if (rest.empty() || std::isspace(rest[0]) || *end != '\0')
      return std::nullopt;
    return out;
  }

  std::string take(size_t n) {
    std::string out{text_.substr(0, n)};
    text_.remove_prefix(out.size());
    return out;
  }

  std::string rest() { return take(text_.size()); }

private:
  std::string_view text_;
};

bool belongs(const std::string& name, const std::string& family, const std::string& type) {
  if (name == family)
    return type != "histogram";
  return type == "histogram"
         && (name == family + "_bucket" || name == family + "_sum" || name == family + "_count");
}

// Reads text format 0.0.4 strictly: every sample belongs to the family whose HELP and TYPE stand
// before it, each family comes once, names, labels and values have their grammar, nothing else is
// there.
exposition parse(const std::string& text) {
  static const std::set<std::string> known{"counter", "gauge", "histogram", "summary", "untyped"};
  exposition out;
  REQUIRE_FALSE(text.empty());
  CHECK(text.back() == '\n');
  std::istringstream lines{text};
  std::string line;
  std::string family;
  std::set<std::string> seen;
  while (std::getline(lines, line)) {
    CAPTURE(line);
    scanner x{line};
    if (x.eat("# HELP ")) {
      family = x.name();
      CHECK_FALSE(family.empty());
      CHECK(seen.insert(family).second);
      CHECK(x.eat(" "));
      CHECK_FALSE(x.rest().empty());
    } else if (x.eat("# TYPE ")) {
      CHECK(x.name() == family);
      CHECK(x.eat(" "));
      auto type = x.rest();
      CHECK(known.contains(type));
      CHECK(out.types.emplace(family, type).second);
    } else {
      auto name = x.name();
      CHECK(belongs(name, family, out.types[family]));
      auto labels = x.labels();
      REQUIRE(labels);
      CHECK(x.eat(" "));
      auto value = x.number();
      REQUIRE(value);
      CHECK(out.samples.emplace(name + *labels, *value).second);
    }
  }
  return out;
}

} // namespace

TEST_CASE("the exposition follows the text format and has what was promised", "[metrics]") {
  auto before = messages_handled();
  auto f = [](caf::event_based_actor*) -> caf::behavior {
    return {[](caf::get_atom) { return 1; },
            [](caf::put_atom) { throw std::runtime_error("boom"); }};
  };
  supervision::test_tree tree{one_for_one({worker("a", f)})};
  auto of_caf = metrics::add_system(tree.system);
  auto waiting =
    metrics::add_value("coppice_dead_letters_waiting", "Dead letters that wait for a decision.",
                       metrics::kind::gauge, [] { return 12.0; });
  auto members =
    metrics::add("coppice_cluster_members", "Nodes by state.", metrics::kind::gauge, [] {
      return std::vector<metrics::sample>{{{{"state", "up"}}, 3}, {{{"state", "a\"\\\nb"}}, 1}};
    });
  auto broken = metrics::add_value("coppice_broken", "Its source throws.", metrics::kind::gauge,
                                   []() -> double { throw std::runtime_error("no"); });
  metrics::count_http_request("GET", "/v1/tree", 200);
  metrics::count_http_request("GET", "/v1/tree", 200);
  metrics::count_http_request("BREW", "", 405);
  auto a = tree.actor("/a");
  CHECK(tree.ask<int>(a, caf::get_atom_v) == 1);
  tree.ask_error(a, caf::put_atom_v);
  CHECK(tree.ask<int>(a, caf::get_atom_v) == 1);
  auto x = parse(metrics::text());
  CHECK(x.types["coppice_messages_total"] == "counter");
  CHECK(x.samples["coppice_messages_total"] >= static_cast<double>(before + 3));
  CHECK(x.samples["coppice_actor_restarts_total"] >= 1);
  CHECK(x.samples["coppice_actor_failures_total"] >= 1);
  CHECK(x.samples.contains("coppice_mailbox_refused_total"));
  CHECK(x.samples["coppice_dead_letters_waiting"] == 12);
  CHECK(x.samples["coppice_cluster_members{state=\"up\"}"] == 3);
  CHECK(x.samples.contains(R"(coppice_cluster_members{state="a\"\\\nb"})"));
  CHECK(x.samples[R"(coppice_http_requests_total{method="GET",route="/v1/tree",status="200"})"]
        == 2);
  CHECK(x.samples.contains(R"(coppice_http_requests_total{method="other",route="",status="405"})"));
  CHECK(x.types["caf_system_running_actors"] == "gauge");
  CHECK(x.types["caf_system_rejected_messages_total"] == "counter");
  CHECK(x.samples["process_cpu_seconds_total"] > 0);
  CHECK(x.samples["process_resident_memory_bytes"] > 1e6);
  CHECK(x.samples["process_start_time_seconds"] > 1.6e9);
  CHECK(x.samples["process_open_fds"] > 2);
  CHECK_FALSE(x.samples.contains("coppice_broken"));
}

TEST_CASE("a metric goes with its registration", "[metrics]") {
  {
    auto one = metrics::add_value("coppice_passing", "Here for a while.", metrics::kind::gauge,
                                  [] { return 1.0; });
    auto two = std::move(one);
    CHECK(parse(metrics::text()).samples.contains("coppice_passing"));
  }
  CHECK_FALSE(parse(metrics::text()).samples.contains("coppice_passing"));
  auto again =
    metrics::add_value("coppice_passing", "Here again.", metrics::kind::gauge, [] { return 2.0; });
  CHECK(parse(metrics::text()).samples["coppice_passing"] == 2);
}

TEST_CASE("CAF's histograms arrive cumulative, with a last bucket for everything", "[metrics]") {
  supervision::test_tree tree{one_for_one({})};
  const double bounds[] = {0.1, 1.0};
  auto* h = tree.system.metrics().histogram_singleton<double>(
    "coppice-test", "took", caf::make_span(bounds, 2), "Test.", "seconds");
  h->observe(0.05);
  h->observe(0.5);
  h->observe(0.6);
  h->observe(7);
  auto of_caf = metrics::add_system(tree.system);
  auto x = parse(metrics::text());
  CHECK(x.types["coppice_test_took_seconds"] == "histogram");
  CHECK(x.samples["coppice_test_took_seconds_bucket{le=\"0.1\"}"] == 1);
  CHECK(x.samples["coppice_test_took_seconds_bucket{le=\"1\"}"] == 3);
  CHECK(x.samples["coppice_test_took_seconds_bucket{le=\"+Inf\"}"] == 4);
  CHECK(x.samples["coppice_test_took_seconds_count"] == 4);
  CHECK(x.samples["coppice_test_took_seconds_sum"] > 8.1);
}
