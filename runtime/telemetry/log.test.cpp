#include "runtime/telemetry/log.hpp"
#include "runtime/base/clock.hpp"
#include "runtime/telemetry/log_line.hpp"

#include <catch2/catch_test_macros.hpp>
#include <filesystem>
#include <fstream>
#include <thread>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

using namespace coppice;
using namespace std::chrono_literals;

namespace {

struct folder {
  folder()
    : path(std::filesystem::temp_directory_path() / ("coppice-log-" + std::to_string(::getpid()))) {
    std::filesystem::create_directories(path);
  }
  ~folder() { std::filesystem::remove_all(path); }
  std::filesystem::path path;
};

std::vector<std::string> lines_of(const std::filesystem::path& file) {
  std::ifstream in{file};
  std::vector<std::string> out;
  for (std::string line; std::getline(in, line);)
    out.push_back(line);
  return out;
}

} // namespace

TEST_CASE("log: a line is one JSON object whatever is in it", "[log]") {
  log::line_head head{instant{1767693600'000000000},
                      log::level::warn,
                      "events",
                      "alpha",
                      "/user/x",
                      "",
                      "a \"b\"\n\xff"};
  CHECK(log::format_line(head, {{"n", 5}, {"ok", true}, {"ratio", 0.5}, {"level", "no"}, {"n", 6}})
        == "{\"at\":\"2026-01-06T10:00:00Z\",\"level\":\"warn\",\"subsystem\":\"events\",\"node\":"
           "\"alpha\",\"path\":\"/user/x\","
           "\"message\":\"a \\\"b\\\"\\u000a\xEF\xBF\xBD\",\"n\":5,\"ok\":true,\"ratio\":0.5}");
}

TEST_CASE("log: on a terminal a line is for people, and steers nothing", "[log]") {
  log::line_head head{
    instant{1767693600'250000000}, log::level::warn, "events", "alpha", "/user/x", "",
    "a \"b\"\n\xff\x1b[2J\xc2\x9b"};
  CHECK(log::format_for_people(
          head, {{"path", "/user/x"}, {"n", 5}, {"", ""}, {"why", "it is \"so\""}, {"to", "beta"}})
        == "10:00:00.250  warn   events       /user/x  a \"b\"\\x0a\xEF\xBF\xBD\\x1b[2J\\x9b  n=5  "
           "why=\"it is \\\"so\\\"\"  to=beta");
  head.at = instant{1767693600'000000000};
  head.path = {};
  head.message = "up";
  CHECK(log::format_for_people(head, {}) == "10:00:00.000  warn   events       up");

  folder f;
  log::options x;
  x.file = (f.path / "people.log").string();
  log::start(x); // A file is for programs.
  log::info("node", "for programs");
  x.for_people = true;
  log::start(x);
  log::info("node", "for people");
  log::stop();
  auto lines = lines_of(f.path / "people.log");
  REQUIRE(lines.size() == 2);
  CHECK(lines[0].front() == '{');
  CHECK(lines[1].find("  info   node         for people") != std::string::npos);
  CHECK(log::recent({}).back().front() == '{');
}

TEST_CASE("log: levels by subsystem and by path, for a while", "[log]") {
  folder f;
  log::options x;
  x.node = "alpha";
  x.file = (f.path / "a.log").string();
  x.levels["cluster"] = log::level::error;
  log::start(x);
  log::info("node", "kept");
  log::debug("node", "not kept");
  log::warn("cluster", "not kept");
  log::set_level("cluster", log::level::debug);
  log::debug("cluster", "kept");
  log::set_level("/user/edge", log::level::debug, 1h);
  log::debug("edge", "kept", {{"path", "/user/edge/host"}});
  log::debug("edge", "not kept", {{"path", "/user/other"}});
  CHECK(log::recent({"/user/edge/host", {}, {}, 10}).size() == 1);
  log::stop();
  auto lines = lines_of(f.path / "a.log");
  CHECK(lines.size() == 3);
  for (auto& line : lines)
    CHECK(line.find("not kept") == std::string::npos);
}

TEST_CASE("log: files rotate at their size and only so many are kept", "[log]") {
  folder f;
  log::options x;
  x.file = (f.path / "r.log").string();
  x.file_bytes_max = 2000;
  x.files_max = 2;
  log::start(x);
  for (int i = 0; i < 100; ++i)
    log::info("node", std::string(100, 'x'));
  log::stop();
  size_t files = 0;
  for (auto& entry : std::filesystem::directory_iterator{f.path}) {
    ++files;
    CHECK(entry.file_size() <= 2400);
    CHECK(entry.status().permissions()
          == (std::filesystem::perms::owner_read | std::filesystem::perms::owner_write));
  }
  CHECK(files == 3);
}

TEST_CASE("log: only a file of its own is made private", "[log]") {
  folder f;
  auto mode_of = [](const std::filesystem::path& x) {
    return static_cast<unsigned>(std::filesystem::status(x).permissions()) & 0777;
  };
  auto pipe = f.path / "pipe", file = f.path / "log";
  REQUIRE(::mkfifo(pipe.c_str(), 0600) == 0);
  REQUIRE(::chmod(pipe.c_str(), 0644) == 0);
  auto reader = ::open(pipe.c_str(), O_RDWR | O_CLOEXEC);
  REQUIRE(reader >= 0);
  for (auto& x : {pipe, file}) {
    log::start({.node = "alpha", .level = log::level::info, .file = x.string()});
    log::stop();
  }
  ::close(reader);
  CHECK(mode_of(pipe) == 0644);
  CHECK(mode_of(file) == 0600);
}

TEST_CASE("log: followers see new lines that match", "[log]") {
  folder f;
  log::options x;
  x.file = (f.path / "f.log").string();
  log::start(x);
  std::vector<std::string> seen;
  auto id =
    log::follow({"/user/a", {}, {}, 0}, [&](const std::string& line) { seen.push_back(line); });
  log::info("x", "one", {{"path", "/user/a"}});
  log::info("x", "two", {{"path", "/user/b"}});
  log::unfollow(id);
  log::info("x", "three", {{"path", "/user/a"}});
  CHECK(seen.size() == 1);
  log::stop();
}

TEST_CASE("log: levels of a new configuration replace the old ones", "[log]") {
  folder f;
  log::options x;
  x.file = (f.path / "l.log").string();
  x.levels["cluster"] = log::level::debug;
  log::start(x);
  log::set_level("node", log::level::debug);
  log::set_level("store", log::level::debug, 1h);
  log::set_level("/user/a", log::level::debug);
  auto since = system_clock().now();
  log::set_levels(log::level::warn, {{"edge", log::level::debug}});
  for (auto subsystem : {"cluster", "node", "store", "edge", "other"})
    log::debug(subsystem, subsystem);
  log::info("other", "too low");
  log::debug("other", "actor", {{"path", "/user/a"}});
  auto lines = log::recent({{}, {}, since, 100});
  std::string all;
  for (auto& line : lines)
    all += line;
  CHECK(lines.size() == 3);
  for (auto kept : {"\"store\"", "\"edge\"", "\"actor\""})
    CHECK(all.find(kept) != std::string::npos);
  log::stop();
}

TEST_CASE("log: no line is as old as the one before", "[log]") {
  folder f;
  log::options x;
  x.file = (f.path / "t.log").string();
  log::start(x);
  auto since = system_clock().now();
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i)
    threads.emplace_back([] {
      for (int n = 0; n < 200; ++n)
        log::info("node", "same");
    });
  for (auto& thread : threads)
    thread.join();
  instant last;
  auto lines = log::recent({{}, {}, since, 1000});
  CHECK(lines.size() == 800);
  for (auto& line : lines) {
    auto at = parse_instant(
      line.substr(line.find("\"at\":\"") + 6, line.find('Z') - line.find("\"at\":\"") - 5));
    REQUIRE(at);
    CHECK(last < *at);
    last = *at;
  }
  log::stop();
}
