// Servers as production has them: TLS on the wire, users by credentials file.
#include "runtime/cluster/pki.hpp"
#include "runtime/events/base64.hpp"
#include "runtime/events/testing.hpp"

#include <array>
#include <fstream>

#include <openssl/evp.h>
#include <openssl/rand.h>
#include <signal.h>
#include <sys/wait.h>

using namespace coppice;
using namespace coppice::events;
using namespace std::chrono_literals;
using coppice::testing::eventually;
using coppice::testing::nats_binary;
using coppice::testing::temp_folder;

namespace {

/// A server with further lines in its configuration.
class secured_server {
public:
  secured_server(const temp_folder& folder, const std::string& lines) {
    auto port = events::detail::free_port("127.0.0.1");
    REQUIRE(port);
    port_ = *port;
    auto file = folder / "nats.conf";
    std::ofstream{file} << "listen: \"127.0.0.1:" << port_ << "\"\n" << lines;
    auto started = events::detail::spawn({nats_binary(), "-c", file}, folder / "nats.log");
    REQUIRE(started);
    pid_ = *started;
    auto listens = eventually([&] {
      std::ifstream log{folder / "nats.log"};
      std::string text{std::istreambuf_iterator<char>{log}, {}};
      return text.find("Server is ready") != std::string::npos;
    });
    INFO(events::detail::read_file(folder / "nats.log"));
    REQUIRE(listens);
  }

  ~secured_server() {
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }

  /// Who connects to it, without anything that proves who he is.
  nats_options options(const std::string& scheme) const {
    nats_options out;
    out.urls = {scheme + "://127.0.0.1:" + std::to_string(port_)};
    out.reconnect_wait = 20ms;
    return out;
  }

private:
  int port_ = 0;
  pid_t pid_ = 0;
};

/// Does it say that within a moment, and stay away?
bool is_refused(const nats_options& how, std::string_view reason) {
  auto client = *nats_client::connect(how);
  auto said =
    eventually([&] { return client->status().last_error.find(reason) != std::string::npos; }, 5s);
  UNSCOPED_INFO(client->status().last_error);
  return said && !client->wait_connected(1ms);
}

bool is_let_in(const nats_options& how) {
  auto client = nats_client::connect(how);
  auto ok = client ? (*client)->wait_connected(10s) : result<void>{client.error()};
  if (ok)
    ok = (*client)->publish({"a", "", {}, "x"});
  if (ok)
    ok = (*client)->flush(5s);
  UNSCOPED_INFO((ok ? "" : to_string(ok.error())));
  return static_cast<bool>(ok);
}

/// An Ed25519 key in NATS's spelling: kind, key and CRC-16 in base 32.
class nkey {
public:
  /// `O` operator, `A` account, `U` user.
  explicit nkey(char kind) : kind_(kind) {
    RAND_bytes(seed_.data(), static_cast<int>(seed_.size()));
    key_.reset(EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, nullptr, seed_.data(), seed_.size()));
    REQUIRE(key_ != nullptr);
  }

  std::string name() const {
    std::array<unsigned char, 32> raw{};
    auto size = raw.size();
    REQUIRE(EVP_PKEY_get_raw_public_key(key_.get(), raw.data(), &size) == 1);
    return spelled(std::string(1, static_cast<char>((kind_ - 'A') << 3)), raw);
  }

  std::string seed() const {
    auto seed = 'S' - 'A', kind = kind_ - 'A';
    return spelled({static_cast<char>((seed << 3) | (kind >> 2)), static_cast<char>(kind << 6)},
                   seed_);
  }

  std::string signature(const std::string& text) const {
    std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context{EVP_MD_CTX_new(),
                                                                    EVP_MD_CTX_free};
    std::string out(64, '\0');
    auto size = out.size();
    REQUIRE(EVP_DigestSignInit(context.get(), nullptr, nullptr, nullptr, key_.get()) == 1);
    REQUIRE(EVP_DigestSign(context.get(), reinterpret_cast<unsigned char*>(out.data()), &size,
                           reinterpret_cast<const unsigned char*>(text.data()), text.size())
            == 1);
    return out;
  }

private:
  static std::string spelled(std::string bytes, const std::array<unsigned char, 32>& key) {
    bytes.append(key.begin(), key.end());
    uint16_t crc = 0;
    for (unsigned char x : bytes) {
      crc = static_cast<uint16_t>(crc ^ (x << 8));
      for (int i = 0; i < 8; ++i)
        crc = static_cast<uint16_t>((crc & 0x8000) != 0 ? (crc << 1) ^ 0x1021 : crc << 1);
    }
    bytes += {static_cast<char>(crc & 0xff), static_cast<char>(crc >> 8)};
    std::string out;
    uint32_t held = 0;
    int bits = 0;
    auto emit = [&] { out += "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"[(held >> bits) & 31]; };
    for (unsigned char x : bytes) {
      held = (held << 8) | x;
      for (bits += 8; bits >= 5;) {
        bits -= 5;
        emit();
      }
    }
    if (bits > 0) {
      held <<= 5 - bits;
      bits = 0;
      emit();
    }
    return out;
  }

  char kind_;
  std::array<unsigned char, 32> seed_{};
  std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> key_{nullptr, EVP_PKEY_free};
};

std::string url_base64(const std::string& bytes) {
  auto out = to_base64(bytes);
  out.erase(out.find_last_not_of('=') + 1);
  for (auto& x : out)
    x = x == '+' ? '-' : x == '/' ? '_' : x;
  return out;
}

/// What `by` says of `about`; `nats` is the inside of that object.
std::string token(const nkey& by, const nkey& about, const std::string& nats) {
  auto text =
    url_base64(R"({"typ":"JWT","alg":"ed25519-nkey"})") + "."
    + url_base64(R"({"jti":"1","iat":1767693600,"iss":")" + by.name() + R"(","name":"test","sub":")"
                 + about.name() + R"(","nats":{)" + nats + R"(,"version":2}})");
  return text + "." + url_base64(by.signature(text));
}

void write_credentials(const std::string& file, const nkey& account, const nkey& user) {
  std::ofstream{file} << "-----BEGIN NATS USER JWT-----\n"
                      << token(account, user, R"("type":"user","subs":-1,"data":-1,"payload":-1)")
                      << "\n------END NATS USER JWT------\n\n-----BEGIN USER NKEY SEED-----\n"
                      << user.seed() << "\n------END USER NKEY SEED------\n";
}

} // namespace

TEST_CASE("nats client: TLS with the right CA connects, a wrong one is said", "[events][nats]") {
  namespace pki = cluster::pki;
  temp_folder folder;
  REQUIRE(pki::make_ca(folder / "ca"));
  REQUIRE(pki::make_ca(folder / "other"));
  REQUIRE(pki::issue(folder / "ca", "server", folder / "tls"));
  REQUIRE(pki::issue(folder / "ca", "client", folder / "tls"));
  REQUIRE(pki::issue(folder / "other", "stranger", folder / "strange"));
  secured_server server{folder, "tls {\n  cert_file: \"" + (folder / "tls/server.crt")
                                  + "\"\n  key_file: \"" + (folder / "tls/server.key")
                                  + "\"\n  ca_file: \"" + (folder / "ca/ca.crt")
                                  + "\"\n  verify: true\n}\n"};
  auto right = server.options("tls");
  right.tls_ca_file = folder / "ca/ca.crt";
  right.tls_certificate_file = folder / "tls/client.crt";
  right.tls_key_file = folder / "tls/client.key";
  CHECK(is_let_in(right));

  auto wrong = right;
  wrong.tls_ca_file = folder / "other/ca.crt";
  CHECK(is_refused(wrong, "unable to get local issuer certificate"));

  auto stranger = right;
  stranger.tls_certificate_file = folder / "strange/stranger.crt";
  stranger.tls_key_file = folder / "strange/stranger.key";
  CHECK(is_refused(stranger, "connecting")); // TLS 1.3: only the first answer that fails says it.

  // The server's files name 127.0.0.1 and localhost.
  auto elsewhere = right;
  elsewhere.tls_hostname = "nats.example.net";
  CHECK(is_refused(elsewhere, "hostname mismatch"));
}

TEST_CASE("nats client: a credentials file lets its user in, another's does not",
          "[events][nats]") {
  temp_folder folder;
  nkey authority{'O'}, account{'A'}, user{'U'}, foreign{'A'};
  const std::string limits =
    R"("type":"account","limits":{"subs":-1,"data":-1,"payload":-1,"imports":-1,"exports":-1,)"
    R"("wildcards":true,"conn":-1,"leaf":-1})";
  secured_server server{folder, "operator: " + token(authority, authority, R"("type":"operator")")
                                  + "\nresolver: MEMORY\nresolver_preload {\n  " + account.name()
                                  + ": " + token(authority, account, limits) + "\n}\n"};
  auto options = server.options("nats");
  CHECK(is_refused(options, "uthorization"));
  options.credentials_file = folder / "user.creds";
  write_credentials(options.credentials_file, account, user);
  CHECK(is_let_in(options));
  write_credentials(options.credentials_file, foreign, user);
  CHECK(is_refused(options, "uthorization"));
}
