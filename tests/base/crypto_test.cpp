#include "base/crypto.hpp"

#include <set>

#include "tests/support/catch.hpp"

using namespace slipway;

TEST_CASE("SHA-256 has the values of FIPS 180-4", "[base][crypto]") {
  CHECK(Sha256::of("").text() ==
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  CHECK(Sha256::of("abc").text() ==
        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

TEST_CASE("a stream hashes like the whole and starts afresh", "[base][crypto]") {
  Sha256Stream stream;
  for (int round = 0; round < 2; ++round) {
    stream.update(as_bytes("a"));
    stream.update({});
    stream.update(as_bytes("bc"));
    CHECK((stream.finish() == Sha256::of("abc")));
  }
  Sha256Stream moved = std::move(stream);
  CHECK((moved.finish() == Sha256::of("")));
}

TEST_CASE("a digest is 64 hexadecimal digits", "[base][crypto]") {
  const auto text = Sha256::of("abc").text();
  CHECK((Sha256::parse(text) == Sha256::of("abc")));
  CHECK(Sha256::parse("BA7816BF8F01CFEA414140DE5DAE2223B00361A396177A9CB410FF61F20015AD"));
  CHECK_FALSE(Sha256::parse(text.substr(1)));
  CHECK_FALSE(Sha256::parse(text + "0"));
  CHECK_FALSE(Sha256::parse("g" + text.substr(1)));
}

TEST_CASE("random texts are long and do not repeat", "[base][crypto]") {
  std::set<std::string> seen;
  for (int i = 0; i < 1'000; ++i) {
    const auto text = random_hex(16);
    CHECK(text.size() == 32);
    CHECK(seen.insert(text).second);
  }
  CHECK(random_hex(0).empty());
}

TEST_CASE("comparison in constant time compares", "[base][crypto]") {
  CHECK(equal_in_constant_time(as_bytes("abc"), as_bytes("abc")));
  CHECK(equal_in_constant_time({}, {}));
  CHECK_FALSE(equal_in_constant_time(as_bytes("abc"), as_bytes("abd")));
  CHECK_FALSE(equal_in_constant_time(as_bytes("abc"), as_bytes("ab")));
}

TEST_CASE("a tag of GMAC tells octets, numbers and keys apart", "[base][crypto]") {
  const Gmac mac, other_key;
  Bytes octets(5000, 7);
  const auto tag = mac.of(3, octets);
  CHECK(mac.of(3, octets) == tag);
  CHECK(mac.of(4, octets) != tag);
  CHECK(other_key.of(3, octets) != tag);
  octets[4999] ^= 1;
  CHECK(mac.of(3, octets) != tag);
  octets[4999] ^= 1;
  CHECK(mac.of(3, ByteView(octets).first(4999)) != tag);
  CHECK(mac.of(3, {}) != mac.of(4, {}));
}

TEST_CASE("CRC-32 has the check value of its catalogue", "[base][crypto]") {
  CHECK(crc32(as_bytes("123456789")) == 0xCBF43926U);
  CHECK(crc32({}) == 0);
  CHECK(crc32(as_bytes("6789"), crc32(as_bytes("12345"))) == 0xCBF43926U);  // as a stream
}
