// What stands before a transfer: the request, its name and its options.

#include "tests/support/catch.hpp"
#include "tests/support/tftp_files.hpp"
#include "tftp/name.hpp"
#include "tftp/options.hpp"
#include "tftp/packet.hpp"

using namespace slipway;
using namespace slipway::tftp;
using namespace std::string_literals;
using slipway::test::datagram;

TEST_CASE("a read request is decoded", "[tftp][packet][rfc1350]") {
  const auto wire = datagram({1},
                             "ipxe.efi\0octet\0tsize\0"
                             "0\0blksize\0"
                             "1468\0"s);
  const auto request = parse_request(wire);
  REQUIRE(request);
  CHECK_FALSE(request->write);
  CHECK(request->name == "ipxe.efi");
  CHECK(is_octet_mode(request->mode));
  CHECK(as_text(request->options) ==
        "tsize\0"
        "0\0blksize\0"
        "1468\0"s);
}

TEST_CASE("1c.23 a write request is told apart", "[tftp][packet]") {
  const auto wire = datagram({2}, "x\0octet\0"s);
  CHECK(parse_request(wire)->write);
}

TEST_CASE("a broken request is refused with the reason", "[tftp][packet]") {
  const auto [why, wire, code] = GENERATE(table<std::string, Bytes, Errc>({
      {"nothing", {}, Errc::truncated},
      {"half an opcode", {0}, Errc::truncated},
      {"a DATA", datagram({3, 1}, "x"), Errc::bad_opcode},
      {"an ACK", datagram({4, 1}), Errc::bad_opcode},
      {"an ERROR", datagram({5, 1}, "x\0"s), Errc::bad_opcode},
      {"opcode 0", datagram({0}), Errc::bad_opcode},
      {"a name without NUL", datagram({1}, "name"), Errc::truncated},
      {"no mode", datagram({1}, "name\0"s), Errc::truncated},
      {"a mode without NUL", datagram({1}, "name\0octet"s), Errc::truncated},
  }));
  CAPTURE(why);
  CHECK(parse_request(wire).error() == code);
}

TEST_CASE("1c.23 the mode ignores case", "[tftp][packet][rfc1350]") {
  CHECK(is_octet_mode("OcTeT"));
  CHECK_FALSE(is_octet_mode("netascii"));
  CHECK_FALSE(is_octet_mode("octe"));
  CHECK_FALSE(is_octet_mode("octets"));
}

TEST_CASE("an answer is an ACK or an ERROR", "[tftp][packet]") {
  CHECK(parse_answer(test::ack(65535))->number == 65535);
  const auto wire = datagram({5, 8}, "User aborted the transfer\0"s);
  const auto error = parse_answer(wire);
  REQUIRE(error);
  CHECK(error->kind == Answer::Kind::error);
  CHECK(error->number == 8);
  CHECK(error->text == "User aborted the transfer");
  CHECK(parse_answer(datagram({4})).error() == Errc::truncated);
  CHECK(parse_answer(datagram({3, 1})).error() == Errc::bad_opcode);
}

TEST_CASE("1c.23 names are normalised or refused", "[tftp][name]") {
  const auto [why, wire, result] = GENERATE(table<std::string, std::string, std::string>({
      {"as it is", "ipxe.efi", "ipxe.efi"},
      {"a leading slash", "/ipxe.efi", "ipxe.efi"},
      {"slashes doubled by shim", "/sb13//grubx64.efi", "sb13/grubx64.efi"},
      {"backslashes of Windows", "\\boot\\x64\\wdsnbp.com", "boot/x64/wdsnbp.com"},
      {"a trailing slash", "dir/", "dir"},
      {"dot parts", "./a/./b", "a/b"},
      {"colons of GRUB", "/grub/grub.cfg-52:54:00:aa:00:01", "grub/grub.cfg-52:54:00:aa:00:01"},
      {"0xff left by an old ROM", "pxelinux.0\xff", "pxelinux.0"},
      {"dots that are no parent", "..a/b..", "..a/b.."},
      {"the parent", "../etc/shadow", "bad"},
      {"the parent inside", "a/../../b", "bad"},
      {"the parent by backslash", "a\\..\\b", "bad"},
      {"the parent at the end", "a/..", "bad"},
      {"empty", "", "bad"},
      {"only slashes", "///", "bad"},
      {"only 0xff", "\xff\xff", "bad"},
      {"a line break", "a\nb", "bad"},
      {"a delete character", "a\x7f", "bad"},
      {"255 octets", std::string(255, 'n'), std::string(255, 'n')},
      {"256 octets", std::string(256, 'n'), "bad"},
  }));
  CAPTURE(why);
  std::array<char, kMaxNameOctets> room{};
  const auto name = normalise_name(wire, room);
  CHECK((name ? std::string(*name) : "bad") == result);
}

TEST_CASE("1c.25 the answer to options is what was asked and can be had", "[tftp][options]") {
  const auto [why, asked, oack] = GENERATE(table<std::string, std::string, std::string>({
      {"EDK2's size probe",
       "tsize\0"
       "0\0blksize\0"
       "1468\0windowsize\0"
       "4\0"s,
       "tsize\0"
       "300000\0blksize\0"
       "1468\0windowsize\0"
       "4\0"s},
      {"the block is clamped to a frame",
       "blksize\0"
       "65464\0"s,
       "blksize\0"
       "1468\0"s},
      {"the smallest block",
       "blksize\0"
       "8\0"s,
       "blksize\0"
       "8\0"s},
      {"too small a block",
       "blksize\0"
       "7\0"s,
       ""},
      {"too large a block",
       "blksize\0"
       "65465\0"s,
       ""},
      {"the window is clamped",
       "windowsize\0"
       "65535\0"s,
       "windowsize\0"
       "64\0"s},
      {"no window",
       "windowsize\0"
       "0\0"s,
       ""},
      {"a time-out is echoed",
       "timeout\0"
       "255\0"s,
       "timeout\0"
       "255\0"s},
      {"too long a time-out",
       "timeout\0"
       "256\0"s,
       ""},
      {"case of names",
       "BLKSIZE\0"
       "512\0TSize\0"
       "0\0"s,
       "tsize\0"
       "300000\0blksize\0"
       "512\0"s},
      {"unknown options",
       "multicast\0\0x\0y\0blksize\0"
       "512\0"s,
       "blksize\0"
       "512\0"s},
      {"not a number",
       "blksize\0"
       "12a\0timeout\0-1\0windowsize\0 4\0"s,
       ""},
      {"the first of two",
       "blksize\0"
       "512\0blksize\0"
       "1024\0"s,
       "blksize\0"
       "512\0"s},
      {"a name without value",
       "tsize\0"
       "0\0blksize\0"s,
       "tsize\0"
       "300000\0"s},
      {"a value without NUL",
       "tsize\0"
       "0\0blksize\0"
       "512"s,
       "tsize\0"
       "300000\0"s},
      {"none", "", ""},
  }));
  CAPTURE(why);
  const auto terms = agree(as_bytes(asked));
  CHECK(terms.any() == !oack.empty());
  std::array<std::uint8_t, 128> out{};
  Writer writer(out);
  write_oack(writer, terms, 300000);
  CHECK(as_text(writer.written()) == "\0\x06"s + oack);
}

TEST_CASE("1c.27 a lower limit of blocks holds", "[tftp][options]") {
  CHECK(agree(as_bytes("blksize\0"
                       "1468\0"s),
              1024)
            .block_octets == 1024);
  CHECK(agree(as_bytes("blksize\0"
                       "512\0"s),
              1024)
            .block_octets == 512);
}
