#include "runtime/events/subject.hpp"

#include <catch2/catch_test_macros.hpp>

#include <string>

using namespace coppice::events;

TEST_CASE("subjects: what may be published to and subscribed to", "[events]") {
  for (auto x : {"a", "edge.alpha.host.sample", "a-b.c_d", "a.$b", "a.\xc3\xa4"})
    CHECK(check_subject(x));
  for (auto x : {"", ".", "a.", ".a", "a..b", "a b", "a.\t", "a.*", ">", "a.>", "a\n"})
    CHECK_FALSE(check_subject(x));
  CHECK_FALSE(check_subject(std::string(256, 'a')));
  for (auto x : {"*", ">", "a.*.b", "a.>", "*.>", "a*b", "a.b>"})
    CHECK(check_filter(x));
  for (auto x : {"", ">.a", "a.>.b", "a..*", "a. *"})
    CHECK_FALSE(check_filter(x));
  CHECK(check_stream_or_consumer("COPPICE_DEAD"));
  for (auto x : {"", "a.b", "a b", "a*", "a>", "a/b"})
    CHECK_FALSE(check_stream_or_consumer(x));
}

TEST_CASE("subjects: nobody publishes to NATS's own, and anybody may listen", "[events]") {
  for (auto x : {"$JS.API.STREAM.DELETE.EDGE", "$SYS.REQ.SERVER.PING", "$KV.a.b", "$", "$a b"}) {
    auto no = check_subject(x);
    REQUIRE_FALSE(no);
    CHECK(no.error().code == coppice::errc::refused);
  }
  CHECK(check_subject("$JS.API.STREAM.DELETE.EDGE").error().message
        == "the subject '$JS.API.STREAM.DELETE.EDGE' belongs to NATS itself: what begins with '$' "
           "commands its server");
  CHECK(check_filter("$JS.EVENT.ADVISORY.>"));
}

TEST_CASE("subjects: what is wrong is a sentence of its own", "[events]") {
  auto said = [](std::string_view x) { return check_subject(x).error().message; };
  CHECK(said("") == "the subject is empty; expected one such as orders.new");
  CHECK(said("a b") == "the subject 'a b' has a space or control character");
  CHECK(said("a..b") == "the subject 'a..b' has an empty part: every dot stands between two names");
  CHECK(said("a.*")
        == "the subject 'a.*' has a wildcard, and what is published goes to one subject");
  CHECK(check_filter(">.a").error().message
        == "the subject '>.a' has '>' before its end, where it stands for the rest");
  CHECK(said(std::string(256, 'a')).ends_with("aaa...' has 256 bytes; at most 255"));
  auto named = [](std::string_view x) { return check_stream_or_consumer(x).error().message; };
  CHECK(named("") == "the name of a stream or consumer is empty");
  CHECK(named("a b") == "the name 'a b' has a dot, wildcard, slash, space or control character");
  CHECK(named(std::string(256, 'a')).ends_with("aaa...' has 256 bytes; at most 255"));
}

TEST_CASE("subjects: matching", "[events]") {
  CHECK(matches("a.b", "a.b"));
  CHECK(matches("a.*", "a.b"));
  CHECK(matches("*.b", "a.b"));
  CHECK(matches("a.>", "a.b.c"));
  CHECK(matches(">", "a"));
  CHECK_FALSE(matches("a", "a.b"));
  CHECK_FALSE(matches("a.b", "a"));
  CHECK_FALSE(matches("a.>", "a"));
  CHECK_FALSE(matches("a.*", "a.b.c"));
  CHECK_FALSE(matches("a.*.c", "a.b.d"));
  CHECK_FALSE(matches("ab", "a"));
}
