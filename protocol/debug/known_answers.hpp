// A whole debug session from given keys, worked out by known_answers.py, which made this file.
#pragma once

#include <string_view>

namespace microvisor::protocol::debug::known_answers {

inline constexpr std::string_view kDeviceSid = "UV00112233445566778899aabbccddeeff";
inline constexpr std::string_view kMachineStatic =
    "4995788ef4b9d6132b249ce59a77281493eb39af373d236a1fe415cb0c2d7beb";
inline constexpr std::string_view kDeviceStatic =
    "f3ce7fdae57e1a310d87f1ebbde6f328be0a99cdbcadf4d6589cf29de4b8ffd2";
inline constexpr std::string_view kMachineEphemeral =
    "babde4bdb3ee29df663f1bc539a9a46d97f9f189a25efe853e89c2462158d0e5";
inline constexpr std::string_view kDeviceEphemeral =
    "81376fdb8f7dc181cdff60a7e6ba0eaed55b02aa7517ac3282b72d0cbcbf2d8b";
inline constexpr std::string_view kManifestHash =
    "05b3abf2579a5eb66403cd78be557fd860633a1fe2103c7642030defe32c657f";
inline constexpr std::string_view kFirst =
    "045a03a790e178b44475797da057db5d2194c45398882acabe6bbd1bee3e710a0f0cdfe6ca260c48fc4aa76cc6"
    "efa81a1f39f826ee2a802872c101ad976f470986d7984181cc7055bc576d71f9c4ff52c2";
inline constexpr std::string_view kSecond =
    "04fc62c95f19ddf433926d444d778c456df10f38315551192ae3b0f74a652922cd5b977d20e9675644a1121dc6"
    "ceb86d2f10136e51db42a44d14c7189235ddee0d01834c382561db85a2fb0a63fb5818fc";
inline constexpr std::string_view kFromMachine0 = "94a83b6b43974c9cd4721a842fd8762c0d";
inline constexpr std::string_view kFromMachine1 =
    "f931a20f579e48e4cadd43d272918885ff70e4880d18f90a50afd46dac2c77bed4fcef19741db1d99948440543"
    "591c0d20239c02a53ad246ec63dce48af2cde10a8b9a38ac6bae83ee5d429c69bff40866cbfe04b5d4931f7c29"
    "263b9f1f2ff600aa3962f7e7feed21296fef8c65412daf3f2a352e2da23592309b5b989d7d38b19dfc430eac75"
    "9ae42d133e2006df4fef6829fc06cbb1b11af5050fcdb02f9e353aabb4ea8f2c43279db098cd97fd24c9eaa7f1"
    "b7f497c6e37d1006d379d9ca9b6148ccf7446ebe5e6f5692d0f89444246299bfe6342145";
inline constexpr std::string_view kFromDevice0 = "4f51b6bcd373c6f309cb4d25f45c73bae7ab87";
inline constexpr std::string_view kFromDevice1 =
    "db3d544409a5c708e803eee558c5a7e1822adc9e8d632d364d27d91cdc800fc1";

}  // namespace microvisor::protocol::debug::known_answers
