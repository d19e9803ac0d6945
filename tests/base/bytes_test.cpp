#include "base/bytes.hpp"

#include "tests/support/catch.hpp"

using namespace slipway;

TEST_CASE("a reader takes wire and disk integers", "[base][bytes]") {
  const Bytes bytes{0x01, 0x12, 0x34, 0xDE, 0xAD, 0xBE, 0xEF, 0x34, 0x12, 0x78, 0x56,
                    0x34, 0x12, 0x08, 0x07, 0x06, 0x05, 0x04, 0x03, 0x02, 0x01};
  Reader reader(bytes);
  CHECK(reader.u8() == 0x01);
  CHECK(reader.u16() == 0x1234);
  CHECK(reader.u32() == 0xDEADBEEF);
  CHECK(reader.le16() == 0x1234);
  CHECK(reader.le32() == 0x12345678);
  CHECK(reader.le64() == 0x0102030405060708ULL);
  CHECK(reader.left() == 0);
  CHECK_FALSE(reader.failed());
}

TEST_CASE("a read past the end yields zero and stays failed", "[base][bytes]") {
  const Bytes bytes{0xFF, 0xFF, 0xFF};
  Reader reader(bytes);
  CHECK(reader.u32() == 0);
  CHECK(reader.failed());
  CHECK(reader.take(4).empty());
  CHECK(reader.failed());
}

TEST_CASE("a sub-reader does not see beyond its span", "[base][bytes]") {
  const Bytes bytes{1, 2, 3, 4};
  Reader reader(bytes);
  Reader inner(reader.take(2));
  CHECK(inner.u16() == 0x0102);
  CHECK(inner.u8() == 0);
  CHECK(inner.failed());
  CHECK(reader.u16() == 0x0304);
  CHECK_FALSE(reader.failed());
}

TEST_CASE("a C string ends at its NUL or is none", "[base][bytes]") {
  Reader reader(as_bytes(std::string_view("octet\0\0rest", 11)));
  CHECK(reader.c_string() == "octet");
  CHECK(reader.c_string().empty());
  CHECK_FALSE(reader.failed());
  CHECK(reader.c_string().empty());
  CHECK(reader.failed());
}

TEST_CASE("a writer writes what a reader reads", "[base][bytes]") {
  std::array<std::uint8_t, 32> out{};
  Writer writer(out);
  writer.u8(1);
  writer.u16(0x0203);
  writer.u32(0x04050607);
  writer.le16(0x0908);
  writer.le32(0x0D0C0B0A);
  writer.le64(0x1514131211100F0EULL);
  writer.text("ab");
  writer.fill(2, 0xEE);
  CHECK(to_hex(writer.written()) == "0102030405060708090a0b0c0d0e0f1011121314156162eeee");
  CHECK(writer.size() + writer.left() == out.size());
  CHECK_FALSE(writer.failed());
}

TEST_CASE("what does not fit is not written", "[base][bytes]") {
  std::array<std::uint8_t, 3> out{};
  Writer writer(out);
  writer.u16(0x0102);
  writer.u16(0x0304);
  CHECK(writer.failed());
  CHECK(writer.size() == 2);
  CHECK(out[2] == 0);
  writer.text("xy");
  writer.fill(2, 1);
  CHECK(writer.size() == 2);
}

TEST_CASE("hexadecimal goes both ways and nothing else is accepted", "[base][bytes]") {
  std::array<std::uint8_t, 3> out{};
  CHECK(from_hex("00aBfF", out));
  CHECK(to_hex(out) == "00abff");
  CHECK(to_hex({}).empty());
  const auto* wrong = GENERATE("", "00abf", "00abff0", "00abfg", "0x0abf", " 0abff");
  CHECK_FALSE(from_hex(wrong, out));
}
