// Updates whose layers travel in a transfer encoding: what is asked for, what becomes of encodings that are
// no good, and where a broken transfer goes on. Encodings themselves: protocol/transfer/*_test.cpp.
#include "firmware/update/decoding.hpp"

#include <gtest/gtest.h>

#include "firmware/update/testing/device.hpp"

namespace microvisor::firmware::update {
namespace {

using protocol::transfer::kSegmentBytes;
using testing::Application;
using testing::Bytes;
using testing::Life;
using testing::Memories;

class EncodedUpdate : public ::testing::Test {
 protected:
  EncodedUpdate() {
    EXPECT_TRUE(testing::install(device_, old_));
    Life(device_).updater.set_reported();
  }
  /// Installs what is ready, and looks at the result.
  void expect_installed(const Application& application) {
    Life life(device_);
    ASSERT_EQ(life.updater.install_pending(), UpdateError::None);
    EXPECT_TRUE(testing::bank_holds(device_.flash, application));
  }
  /// The request for the layer of fresh_, its manifest fetched.
  std::optional<ObjectRequest> layer_request(Life& life) {
    (void)life.updater.check_application();
    EXPECT_TRUE(life.updater.begin(fresh_.hash, testing::owner_anchors()));
    const auto manifest = life.updater.next_object();
    EXPECT_TRUE(manifest && manifest->is_manifest && !manifest->accepts_encodings);
    EXPECT_EQ(life.fetch_object(fresh_, *manifest), UpdateError::None);
    return life.updater.next_object();
  }
  /// The update comes to its end although a gateway sends this; with one encoding and then the object itself.
  void expect_fall_back(const testing::Encode& encode, const char* what) {
    SCOPED_TRACE(what);
    Memories device(device_);
    Life life(device);
    life.encode = encode;
    ASSERT_EQ(life.fetch(fresh_), UpdateError::None);
    EXPECT_EQ(life.encodings, 1U);
    EXPECT_GE(life.fetched, layer_.data.size());
    Life next(device);
    EXPECT_EQ(next.updater.install_pending(), UpdateError::None);
    EXPECT_TRUE(testing::bank_holds(device.flash, fresh_));
  }

  Memories device_{kStagingSize};
  const testing::LayerFields old_layer_ = testing::layer(0, kApplicationFlashSize, 60'000, 1);
  const testing::LayerFields layer_ = testing::later_version(old_layer_);
  const Application old_{{old_layer_}};
  const Application fresh_{{layer_}};
  const testing::Encode good_ = testing::against(old_);
};

TEST_F(EncodedUpdate, ADifferenceIsAFractionOfTheLayer) {
  Life life(device_);
  life.encode = good_;
  ASSERT_EQ(life.fetch(fresh_), UpdateError::None);
  EXPECT_EQ(life.encodings, 1U);
  EXPECT_LT(life.fetched, layer_.data.size() / 20);
  expect_installed(fresh_);
}

TEST_F(EncodedUpdate, SaysWhatItRunsFromTheLayersStartOn) {
  Life life(device_);
  const auto request = layer_request(life);
  ASSERT_TRUE(request && request->accepts_encodings);
  EXPECT_EQ(request->base.hash, crypto::sha256(old_layer_.data));
  EXPECT_EQ(request->base.address, kApplicationFlash);
  EXPECT_TRUE(std::equal(request->base.bytes.begin(), request->base.bytes.end(), old_layer_.data.begin(),
                         old_layer_.data.end()));
}

TEST_F(EncodedUpdate, OffersNoBaseThatHasNotBeenVerified) {
  device_.flash.bytes(kApplicationFlash + 1000, 1)[0] ^= 1;
  Life life(device_);
  const auto request = layer_request(life);
  ASSERT_TRUE(request);
  EXPECT_TRUE(request->accepts_encodings);
  EXPECT_TRUE(request->base.bytes.empty());
  life.encode = good_;
  EXPECT_EQ(life.fetch(fresh_), UpdateError::None) << "compressed";
  EXPECT_EQ(life.encodings, 1U);
}

TEST_F(EncodedUpdate, OnlyWhatWasAskedForIsAnEncoding) {
  Life life(device_);
  (void)life.updater.check_application();
  ASSERT_TRUE(life.updater.begin(fresh_.hash, testing::owner_anchors()));
  const auto manifest = life.updater.next_object();
  ASSERT_EQ(life.updater.open_object(*manifest), 0U);
  EXPECT_FALSE(life.updater.begin_encoding(1)) << "a manifest";
  life.updater.interrupt_object();
  const auto layer = layer_request(life);
  ASSERT_EQ(life.updater.open_object(*layer), 0U);
  EXPECT_FALSE(life.updater.begin_encoding(2)) << "an unknown version";
  ASSERT_EQ(life.updater.write(std::span(layer_.data).first(100)), UpdateError::None);
  EXPECT_FALSE(life.updater.begin_encoding(1)) << "after data";
  ASSERT_EQ(life.updater.write(std::span(layer_.data).subspan(100)), UpdateError::None);
  EXPECT_EQ(life.updater.close_object(), UpdateError::None);
}

TEST_F(EncodedUpdate, EncodingsThatAreNoGoodGiveWayToTheObjectItself) {
  const auto changed = [this](auto change) {
    return [this, change](const ObjectRequest& request, const Bytes& object, std::uint32_t offset) {
      Bytes stream = good_(request, object, offset);
      change(stream);
      return stream;
    };
  };
  expect_fall_back(changed([](Bytes& stream) { stream[0] = 9; }), "another version");
  expect_fall_back(changed([](Bytes& stream) { stream[stream.size() / 2] ^= 0x10; }), "a bit in the middle");
  expect_fall_back(changed([](Bytes& stream) { stream[stream.size() - 3] ^= 1; }), "a bit near the end");
  expect_fall_back(changed([](Bytes& stream) { stream.resize(stream.size() - 1); }), "too short");
  expect_fall_back(changed([](Bytes& stream) { stream.push_back(0); }), "too long");
  expect_fall_back(changed([](Bytes& stream) { stream.resize(2); }), "a header that breaks off");
}

TEST_F(EncodedUpdate, ADifferenceAgainstSomethingElseGivesWayToTheObjectItself) {
  testing::LayerFields same_size = old_layer_;
  for (std::size_t i = 0; i < same_size.data.size(); i += 97) same_size.data[i] ^= 0xFF;
  const Application other{{same_size}};
  expect_fall_back(testing::against(other), "the same size: the hash is wrong");
  testing::LayerFields shorter = old_layer_;
  shorter.data.resize(50'000);
  const Application shorter_one{{shorter}};
  expect_fall_back(testing::against(shorter_one), "another size: the header says so");
}

TEST_F(EncodedUpdate, GoesOnAtAWholeSegment) {
  std::size_t sent = 0;
  {
    Life life(device_);
    const auto request = layer_request(life);
    ASSERT_EQ(life.updater.open_object(*request), 0U);
    const Bytes stream = good_(*request, layer_.data, 0);
    ASSERT_TRUE(life.updater.begin_encoding(1));
    while (life.updater.progress().bytes_done < 2 * kSegmentBytes + 9'000)
      ASSERT_EQ(life.updater.write(std::span(stream).subspan(sent++, 1)), UpdateError::None);
  }  // the power fails: what counts is the note in the journal
  Life life(device_);
  life.encode = good_;
  ASSERT_EQ(life.fetch(fresh_), UpdateError::None);
  EXPECT_GE(life.resumed_at, 2 * kSegmentBytes);
  EXPECT_LT(life.resumed_at, 2 * kSegmentBytes + kSealedSectorData);
  const ObjectRequest request{crypto::sha256(layer_.data),         0, 0, false, true,
                              {{}, kApplicationFlash, layer_.data}};
  EXPECT_EQ(life.fetched, good_(request, layer_.data, 2 * kSegmentBytes).size());
  expect_installed(fresh_);
}

TEST_F(EncodedUpdate, ABeginningThatCannotBeTrustedIsFetchedAgain) {
  // One life decodes something wrong up to a checkpoint; the next one is sent the rest as it is.
  testing::LayerFields same_size = old_layer_;
  same_size.data[7'000] ^= 0xFF;
  const Application other{{same_size}};
  {
    Life life(device_);
    const auto request = layer_request(life);
    ASSERT_EQ(life.updater.open_object(*request), 0U);
    ASSERT_TRUE(life.updater.begin_encoding(1));
    const Bytes stream = testing::against(other)(*request, layer_.data, 0);
    ASSERT_EQ(life.updater.write(std::span(stream).first(stream.size() - 1)), UpdateError::None);
    life.updater.interrupt_object();
  }
  Life life(device_);
  ASSERT_EQ(life.fetch(fresh_), UpdateError::None);
  EXPECT_GT(life.resumed_at, 0U);
  EXPECT_GT(life.fetched, layer_.data.size()) << "the rest, and then all of it";
  expect_installed(fresh_);
}

TEST_F(EncodedUpdate, AnObjectThatIsWrongAsItIsStaysRefused) {
  Application wrong = fresh_;
  wrong.layers[0].data[5] ^= 1;
  const auto hash = crypto::sha256(layer_.data);
  Life life(device_);
  const auto request = layer_request(life);
  for (const UpdateError expected : {UpdateError::Hash, UpdateError::Hash}) {
    const auto again = life.updater.next_object();
    ASSERT_TRUE(again && again->hash == hash);
    ASSERT_EQ(life.updater.open_object(*again), 0U);
    EXPECT_EQ(life.updater.begin_encoding(1), again->accepts_encodings);
    const Bytes sent =
        again->accepts_encodings ? good_(*request, wrong.layers[0].data, 0) : wrong.layers[0].data;
    ASSERT_EQ(life.updater.write(sent), UpdateError::None);
    EXPECT_EQ(life.updater.close_object(), expected);
  }
  EXPECT_EQ(life.updater.phase(), Phase::Failed);
  EXPECT_TRUE(testing::bank_holds(device_.flash, old_));
}

}  // namespace
}  // namespace microvisor::firmware::update
