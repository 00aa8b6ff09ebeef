#!/usr/bin/env python3
"""Holds the symbol object against the published gate addresses, and the generator against damaged tables."""
import argparse
import pathlib
import subprocess
import sys
import tempfile
import unittest

OPTIONS = None

# Offsets from 0x0C1FE000 as every published application uses them.
PUBLISHED = """
000 EnableFastInterrupt 008 WriteChannelStream 010 GetMicroseconds 018 GetSysClk 020 DisableAllFastInterrupts
028 GetDeviceId 030 WriteChannel 038 GetWallTime 040 RequestNetwork 048 GetChannelClosureReason 050 CloseNotifications
058 SetFastInterrupt 060 TemporaryStructTest 068 DisableFastInterrupt 070 ReadChannelComplete 078 ClearFastInterrupt
080 SetupNotifications 088 GetPClk1 090 GetPClk2 098 EnableAllFastInterrupts 0A8 PeriphPoke32 0B0 ReadChannel
0B8 GetHClk 0C0 OpenChannel 0C8 GetNetworkReasons 0D0 ReleaseNetwork 0D8 NoOp 0E0 TempTriggerNotification
0E8 GetNetworkStatus 0F0 PeriphPeek32 0F8 CloseChannel 100 SendHttpRequest 108 ReadHttpResponseBody
110 ReadHttpResponseHeader 118 ReadHttpResponseData 120 ServerLoggingInit 128 ServerLog 130 SendConfigFetchRequest
138 ReadConfigFetchResponseData 140 ReadConfigResponseItem 148 MqttReadUnsubscribeResponse 150 MqttAcknowledgeMessage
158 MqttReadDisconnectResponse 160 MqttRequestDisconnect 168 MqttReadConnectResponse 170 MqttRequestPublish
178 MqttRequestSubscribe 180 MqttReadPublishResponse 188 MqttReceiveLostMessageInfo 190 MqttReceiveMessage
198 MqttGetNextReadableDataType 1A0 MqttRequestUnsubscribe 1A8 MqttRequestConnect 1B0 MqttReadSubscribeResponse
1B8 TestingComplete 1C0 TestLog 1C8 TestLoggingInit 1D0 PowerSave 1D8 SystemLedEnable 1E0 OpenSystemNotification
1E8 CloseSystemNotification 1F0 DeepSleep 1F8 GetWakeReason 200 Restart 208 ExternalFlashClose 210 ExternalFlashGetInfo
218 ExternalFlashWriteBlocking 220 ExternalFlashOpen 228 ExternalFlashEraseBlocking 230 ExternalFlashReadBlocking
240 SetWifiConfig 248 GetWifiConfig
""".split()
# Microvisor's own, behind them.
OWN = "250 OpenNetworkInterface 258 GetNetworkInterfaceState 260 SendNetworkPackets 268 CloseNetworkInterface".split()


def addresses(words):
    return {"mv" + name: 0x0C1FE000 + int(offset, 16) for offset, name in zip(words[::2], words[1::2])}


class Symbols(unittest.TestCase):
    def test_addresses(self):
        listing = subprocess.run([OPTIONS.nm, OPTIONS.object], check=True, capture_output=True, text=True).stdout
        found = {fields[2]: (int(fields[0], 16), fields[1]) for fields in map(str.split, listing.splitlines())}
        self.assertEqual(len(addresses(PUBLISHED)), 72)
        expected = addresses(PUBLISHED) | addresses(OWN)
        self.assertEqual({name: (address, "A") for name, address in expected.items()}, found)

    def test_calls_are_thumb_branches(self):
        """A linker stub has to load the odd address: else the core would leave Thumb state."""
        with tempfile.TemporaryDirectory() as folder:
            source, image = pathlib.Path(folder, "a.c"), pathlib.Path(folder, "a.elf")
            source.write_text("int mvNoOp(void); int main(void) { return mvNoOp(); }")
            subprocess.run([OPTIONS.cc, "-mcpu=cortex-m33", "-mthumb", "-nostdlib", "-Wl,-Ttext=0x08000000", "-e", "main",
                            str(source), OPTIONS.object, "-o", str(image)], check=True)
            self.assertIn((0x0C1FE0D8 | 1).to_bytes(4, "little"), image.read_bytes())


class Damage(unittest.TestCase):
    """Each damaged table is refused."""

    def generate(self, change):
        text = pathlib.Path(OPTIONS.table).read_text()
        damaged = change(text)
        self.assertNotEqual(text, damaged)
        with tempfile.TemporaryDirectory() as folder:
            table = pathlib.Path(folder, "t.toml")
            table.write_text(damaged)
            return subprocess.run([sys.executable, OPTIONS.generator, str(table), folder], capture_output=True).returncode

    def test_slot_used_twice(self):
        self.assertNotEqual(0, self.generate(lambda t: t.replace("slot = 5\n", "slot = 6\n")))

    def test_gap(self):
        self.assertNotEqual(0, self.generate(lambda t: t.replace("unnamed_slots = [20, 71]", "unnamed_slots = [20]")))

    def test_wrong_offset(self):
        self.assertNotEqual(0, self.generate(lambda t: t.replace('[44, "const struct MvTlsCredentials *"',
                                                                 '[40, "const struct MvTlsCredentials *"')))

    def test_unknown_status(self):
        self.assertNotEqual(0, self.generate(lambda t: t.replace('"REQUESTALREADYSENT"]', '"ALREADYSENT"]')))


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    for option in ("nm", "cc", "object", "generator", "table"):
        parser.add_argument("--" + option, required=True)
    OPTIONS = parser.parse_args()
    unittest.main(argv=sys.argv[:1])
