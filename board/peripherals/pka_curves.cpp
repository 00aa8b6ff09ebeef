// Elliptic curves on PKA (RM0456 sections 53.4.14 to 53.4.20).
#include <algorithm>

#include "board/peripherals/elliptic_curve.hpp"
#include "board/peripherals/pka_operations.hpp"

namespace microvisor::board {
namespace {

using Result = PkaOperation::Result;

/// A coordinate of the largest size and the two words behind it.
constexpr unsigned kResultWords = PkaRam::kMaximumCurveBits / 32 + 2;
constexpr std::uint32_t kOrderBits = 0x400, kModulusBits = 0x408, kSignOfA = 0x410, kA = 0x418;

/// Where the curve stands: at the usual place or, for verification, at another.
struct CurvePlace {
  std::uint32_t modulus_bits, sign_of_a, a, p;
};
constexpr CurvePlace kUsual{kModulusBits, kSignOfA, kA, 0x470};
constexpr CurvePlace kScalar{kModulusBits, kSignOfA, kA, 0x1088};
constexpr CurvePlace kVerify{0x4C8, 0x468, 0x470, 0x4D0};

struct Field {
  unsigned bits;
  Number p, a;
};
bool in_range(unsigned bits) { return bits != 0 && bits <= PkaRam::kMaximumCurveBits; }

Field field_at(const PkaRam& ram, const CurvePlace& place) {
  const unsigned bits = ram.word(place.modulus_bits);
  Field result{bits, ram.number(place.p, bits), ram.number(place.a, bits)};
  if ((ram.word(place.sign_of_a) & 1) != 0) result.a = result.p - result.a;
  return result;
}

CurvePoint point_at(const PkaRam& ram, std::uint32_t x, std::uint32_t y, unsigned bits) {
  return {ram.number(x, bits), ram.number(y, bits)};
}

/// (X, Y, Z) stands for (X / Z^2, Y / Z^3).
CurvePoint jacobian_at(const PkaRam& ram, std::uint32_t x, const Field& field) {
  constexpr std::uint32_t kNext = 0x58;
  const Number z = inverse(ram.number(x + 2 * kNext, field.bits), field.p);
  if (z.zero()) return {.x = {}, .y = {}, .infinity = true};
  const Number z2 = z * z % field.p;
  return {ram.number(x, field.bits) * z2 % field.p, ram.number(x + kNext, field.bits) * z2 * z % field.p};
}

/// The point at infinity is written as (0, 0).
void put_point(PkaRam& ram, std::uint32_t x, std::uint32_t y, const CurvePoint& point) {
  ram.set_number(x, point.x, kResultWords);
  ram.set_number(y, point.y, kResultWords);
}

// --- single points

constexpr std::uint32_t kPointX = 0x578, kPointY = 0x5D0, kPointStatus = 0x680;

Result check_point(PkaRam& ram) {
  if (!in_range(ram.word(kModulusBits))) return Result::BadParameters;
  const Field field = field_at(ram, kUsual);
  const CurvePoint point = point_at(ram, kPointX, kPointY, field.bits);
  const Number b = ram.number(0x520, field.bits);
  const Number right = (point.x * point.x * point.x + field.a * point.x + b) % field.p;
  const bool inside = point.x < field.p && point.y < field.p;
  const bool on_curve = point.y * point.y % field.p == right;
  ram.set_value(kPointStatus, !inside ? kPkaOutside : on_curve ? kPkaDone : kPkaNo);
  return Result::Done;
}

/// Homogeneous coordinates here: (X / Z, Y / Z). The R^2 that software loads is not needed.
Result to_affine(PkaRam& ram) {
  if (!in_range(ram.word(kModulusBits))) return Result::BadParameters;
  const Field field = field_at(ram, kUsual);
  const Number z = inverse(ram.number(0xE10, field.bits), field.p);
  put_point(ram, kPointX, kPointY,
            {ram.number(0xD60, field.bits) * z % field.p, ram.number(0xDB8, field.bits) * z % field.p});
  ram.set_value(kPointStatus, z.zero() ? kPkaNo : kPkaDone);
  return Result::Done;
}

/// The sum comes with Z = 1, which means the same in every system of coordinates, or 0 at infinity.
Result add_points(PkaRam& ram) {
  if (!in_range(ram.word(kModulusBits))) return Result::BadParameters;
  const Field field = field_at(ram, kUsual);
  const CurvePoint p = jacobian_at(ram, 0x628, field), q = jacobian_at(ram, 0x730, field);
  const auto sum = EllipticCurve::through(p.infinity ? q : p, field.p, field.a).add(p, q);
  const bool finite = sum && !sum->infinity;
  put_point(ram, 0xD60, 0xDB8, finite ? *sum : CurvePoint{0, 1});
  ram.set_number(0xE10, finite ? 1 : 0, kResultWords);
  return Result::Done;
}

// --- multiples

struct ScalarInput {
  Field field;
  Number b, k;
  CurvePoint point;
};

/// What scalar multiplication and signing have in common. Their RAM is erased at the end.
ScalarInput scalar_input(PkaRam& ram) {
  const Field field = field_at(ram, kScalar);
  return {field, ram.number(0x520, field.bits), ram.number(0x12A0, ram.word(kOrderBits)),
          point_at(ram, kPointX, 0x470, field.bits)};
}

bool scalar_in_range(const PkaRam& ram) {
  return in_range(ram.word(kModulusBits)) && in_range(ram.word(kOrderBits));
}

Result multiply_point(PkaRam& ram) {
  if (!scalar_in_range(ram)) return Result::BadParameters;
  const ScalarInput in = scalar_input(ram);
  const auto product = EllipticCurve(in.field.p, in.field.a, in.b).multiply(in.k, in.point);
  ram.erase();
  put_point(ram, kPointX, kPointY, product.value_or(CurvePoint{}));
  ram.set_value(kPointStatus, product ? kPkaDone : kPkaFailed);
  return product ? Result::Done : Result::Fault;
}

/// k*P + m*Q.
Result ladder(PkaRam& ram) {
  if (!scalar_in_range(ram)) return Result::BadParameters;
  const Field field = field_at(ram, kUsual);
  const unsigned order_bits = ram.word(kOrderBits);
  const CurvePoint p = jacobian_at(ram, 0x628, field), q = jacobian_at(ram, 0x730, field);
  const EllipticCurve curve = EllipticCurve::through(p.infinity ? q : p, field.p, field.a);
  const auto first = curve.multiply(ram.number(0x520, order_bits), p);
  const auto second = curve.multiply(ram.number(0x578, order_bits), q);
  const auto sum = first && second ? curve.add(*first, *second) : std::nullopt;
  const bool finite = sum && !sum->infinity;
  put_point(ram, kPointX, kPointY, finite ? *sum : CurvePoint{});
  ram.set_value(0x520, finite ? kPkaDone : kPkaNo);
  return Result::Done;
}

// --- ECDSA (FIPS 186-4 section 6)

Result sign(PkaRam& ram) {
  if (!scalar_in_range(ram)) return Result::BadParameters;
  constexpr std::uint32_t kStatus = 0xFE0;
  const ScalarInput in = scalar_input(ram);
  const unsigned order_bits = ram.word(kOrderBits);
  const Number n = ram.number(0xF88, order_bits);
  const Number hash = ram.number(0xFE8, order_bits), key = ram.number(0xF28, order_bits);
  const auto kg = EllipticCurve(in.field.p, in.field.a, in.b).multiply(in.k, in.point);
  ram.erase();
  if (!kg) {
    ram.set_value(kStatus, kPkaFailed);
    return Result::Fault;
  }
  const Number r = kg->x % n;
  const Number s = inverse(in.k, n) * (hash + r * key) % n;
  ram.set_number(0x730, r, kResultWords);
  ram.set_number(0x788, s, kResultWords);
  put_point(ram, 0x1400, 0x1458, *kg);
  ram.set_value(kStatus, r.zero() ? kPkaNo : s.zero() ? kPkaOutside : kPkaDone);
  return Result::Done;
}

Result verify(PkaRam& ram) {
  constexpr std::uint32_t kVerifyOrderBits = 0x408, kStatus = 0x5D0, kComputedR = 0x578;
  const unsigned order_bits = ram.word(kVerifyOrderBits);
  if (!in_range(order_bits) || !in_range(ram.word(kVerify.modulus_bits))) return Result::BadParameters;
  const Field field = field_at(ram, kVerify);
  const Number n = ram.number(0x1088, order_bits);
  const Number r = ram.number(0x10E0, order_bits), s = ram.number(0xC68, order_bits);
  const CurvePoint g = point_at(ram, 0x678, 0x6D0, field.bits);
  const CurvePoint q = point_at(ram, 0x12F8, 0x1350, field.bits);
  std::optional<CurvePoint> sum;
  if (!r.zero() && !s.zero() && r < n && s < n && q.x < field.p && q.y < field.p) {
    const Number w = inverse(s, n);
    const EllipticCurve curve = EllipticCurve::through(g, field.p, field.a);
    const auto first = curve.multiply(ram.number(0x13A8, order_bits) * w % n, g);
    const auto second = curve.multiply(r * w % n, q);
    if (first && second) sum = curve.add(*first, *second);
  }
  const Number computed = sum && !sum->infinity ? sum->x % n : Number();
  ram.set_number(kComputedR, computed, kResultWords);
  ram.set_value(kStatus, !computed.zero() && computed == r ? kPkaDone : kPkaNo);
  return Result::Done;
}

// --- time, by the length of the modulus (RM0456 tables 522 to 528)

constexpr PkaTime kMultiply[] = {{192, 1'590'000},  {256, 3'083'000},  {320, 5'339'000}, {384, 8'518'000},
                                 {512, 17'818'000}, {521, 21'053'000}, {640, 31'826'000}};
constexpr PkaTime kSign[] = {{192, 1'500'000},  {256, 2'744'000},  {320, 4'579'000}, {384, 7'184'000},
                             {512, 14'455'000}, {521, 16'685'000}, {640, 24'965'000}};
constexpr PkaTime kVerifying[] = {{160, 1'011'000}, {192, 1'495'000},  {256, 2'938'000},  {320, 5'014'000},
                                  {384, 7'979'000}, {512, 16'804'000}, {521, 19'254'000}, {640, 29'582'000}};
constexpr PkaTime kLadder[] = {{160, 967'000},   {192, 1'419'000},  {256, 2'768'000},  {320, 4'784'000},
                               {384, 7'547'000}, {512, 15'854'000}, {521, 18'257'000}, {640, 28'257'000}};
constexpr PkaTime kAffine[] = {{160, 47'600},  {192, 78'000},  {256, 148'300},  {320, 253'000},
                               {384, 419'000}, {512, 838'400}, {640, 1'049'300}};
constexpr PkaTime kAddition[] = {{160, 10'000}, {192, 12'000}, {256, 18'000}, {320, 26'000},
                                 {384, 39'000}, {512, 53'000}, {640, 89'000}};
constexpr PkaTime kCheck[] = {{160, 3'400}, {192, 4'200},  {256, 6'100},
                              {320, 8'300}, {384, 10'900}, {512, 17'200}};

template <const auto& table, std::uint32_t length = kModulusBits>
std::uint64_t clocks(const PkaRam& ram) {
  return pka_clocks(table, std::min<unsigned>(ram.word(length), PkaRam::kMaximumCurveBits));
}

constexpr PkaOperation kOperations[] = {
    {0x20, "ECC scalar multiplication", multiply_point, clocks<kMultiply>},
    {0x23, "ECC complete addition", add_points, clocks<kAddition>},
    {0x24, "ECDSA sign", sign, clocks<kSign>},
    {0x26, "ECDSA verification", verify, clocks<kVerifying, kVerify.modulus_bits>},
    {0x27, "ECC double base ladder", ladder, clocks<kLadder>},
    {0x28, "point on elliptic curve check", check_point, clocks<kCheck>},
    {0x2F, "ECC projective to affine", to_affine, clocks<kAffine>},
};

}  // namespace

std::span<const PkaOperation> pka_curves() { return kOperations; }

}  // namespace microvisor::board
