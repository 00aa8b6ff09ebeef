// The published client library of the v1 API, unchanged, against our server: what its users' programs do has to work.
//
// Usage: node conformance.mjs MICROVISOR NODE_MODULES MODULE A.elf B.elf C.elf. MODULE is a major version of the library by the
// name package.json gives it; the applications are what is uploaded.
// The server is a process of its own on loopback, ended by its own id. Expectations are those of the published API
// description and of the library's own types, not of our answers.
import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { generateKeyPairSync } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";

const [microvisor, nodeModules, moduleName, ...applications] = process.argv.slice(2);
const require = createRequire(join(nodeModules, "anchor.js"));
const twilio = require(moduleName);

const SID = { app: /^KA[0-9a-f]{32}$/, device: /^UV[0-9a-f]{32}$/ };

/** Starts the server and resolves to its credentials as soon as /health answers 200. */
async function startServer(folder) {
  const server = spawn(microvisor, ["cloud", "serve", "--data", folder, "--listen", "127.0.0.1:0", "--gateway", "127.0.0.1:0"],
    { stdio: ["ignore", "ignore", "pipe"] });
  let said = "";
  await new Promise((resolve, reject) => {
    server.on("exit", (status) => reject(new Error(`the server ended with ${status}: ${said}`)));
    server.stderr.on("data", (text) => {
      said += text;
      if (said.includes("credentials in ")) resolve();
    });
  });
  server.removeAllListeners("exit");
  const credentials = JSON.parse(readFileSync(join(folder, "credentials.json"), "utf8"));
  assert.equal((await fetch(`${credentials.base_url}/health`)).status, 200);
  return { server, credentials };
}

function client(credentials, token = credentials.auth_token) {
  const made = twilio(credentials.account_sid, token);
  made.microvisor.baseUrl = credentials.base_url;
  return made.microvisor.v1;
}

function authorization({ account_sid, auth_token }) {
  return { Authorization: `Basic ${Buffer.from(`${account_sid}:${auth_token}`).toString("base64")}` };
}

/** What the upload scripts did with curl: the library has no call for it. */
async function upload(credentials, application, uniqueName) {
  const bundle = join(folder, `${uniqueName}.zip`);
  execFileSync(microvisor, ["apps", "bundle", application, bundle], { stdio: "ignore" });
  const form = new FormData();
  form.set("File", new Blob([readFileSync(bundle)]), "bundle.zip");
  form.set("UniqueName", uniqueName);
  const response = await fetch(`${credentials.base_url}/v1/Apps`, { method: "POST", headers: authorization(credentials), body: form });
  assert.equal(response.status, 201);
  return response.json();
}

/** A device appears by provisioning, which v1 has no call for either. */
async function provision(credentials) {
  const { publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const response = await fetch(`${credentials.base_url}/api/devices`, {
    method: "POST",
    headers: { ...authorization(credentials), "Content-Type": "application/json" },
    body: JSON.stringify({ public_key: publicKey.export({ type: "spki", format: "pem" }) }),
  });
  assert.equal(response.status, 201);
  return (await response.json()).sid;
}

async function refusal(promise) {
  try {
    await promise;
  } catch (error) {
    return { status: error.status, code: error.code, moreInfo: error.moreInfo };
  }
  assert.fail("the call should have been refused");
}

async function checkApps(v1, credentials) {
  for (const [index, name] of ["alpha", "beta", "gamma"].entries()) await upload(credentials, applications[index], name);
  const paged = await v1.apps.list({ pageSize: 2 });  // follows meta.next_page_url, word for word
  assert.deepEqual(paged.map((app) => app.uniqueName).sort(), ["alpha", "beta", "gamma"]);
  assert.equal((await v1.apps.list({ limit: 1 })).length, 1);
  const page = await v1.apps.page({ pageSize: 2 });
  assert.ok(page.nextPageUrl.startsWith(`${credentials.base_url}/v1/Apps?`));

  const app = await v1.apps("alpha").fetch();
  assert.match(app.sid, SID.app);
  assert.match(app.hash, /^sha256:[0-9a-f]{64}$/);
  assert.equal(app.accountSid, credentials.account_sid);
  assert.ok(Math.abs(app.dateCreated - Date.now()) < 600_000, `dateCreated ${app.dateCreated}`);
  assert.equal(app.url, `${credentials.base_url}/v1/Apps/${app.sid}`);
  const manifest = await v1.apps(app.sid).appManifests().fetch();
  assert.equal(manifest.appSid, app.sid);
  assert.equal(manifest.hash, app.hash);
  assert.ok(Buffer.from(manifest.encodedBytes, "base64").length > 32);

  assert.equal(await v1.apps("gamma").remove(), true);
  assert.deepEqual((({ status, code }) => ({ status, code }))(await refusal(v1.apps("gamma").fetch())), { status: 404, code: 20404 });
  return app;
}

async function checkDevices(v1, credentials, app) {
  const sid = await provision(credentials);
  assert.deepEqual((await v1.devices.list()).map((device) => device.sid), [sid]);
  const fresh = await v1.devices(sid).fetch();
  assert.match(fresh.sid, SID.device);
  assert.equal(fresh.uniqueName, null);
  assert.equal(fresh.app.target_sid, null);
  assert.deepEqual(Object.keys(fresh.links).sort(), ["device_configs", "device_secrets"]);

  const named = await v1.devices(sid).update({ uniqueName: "kitchen", targetApp: "alpha", loggingEnabled: true });
  assert.equal(named.uniqueName, "kitchen");
  assert.equal(named.app.target_sid, app.sid);
  assert.equal(named.app.target_hash, app.hash);
  assert.equal(named.app.update_status, "pending");
  assert.equal(named.logging.enabled, true);
  const expires = (new Date(named.logging.date_expires) - Date.now()) / 3_600_000;
  assert.ok(expires > 23.8 && expires < 24.2, `logging for ${expires} hours`);

  const quiet = await v1.devices("kitchen").update({ loggingEnabled: false, restartApp: true });
  assert.equal(quiet.logging.enabled, false);
  assert.equal(quiet.app.target_sid, app.sid);
  assert.equal((await refusal(v1.devices("kitchen").update({ targetApp: "nothing" }))).status, 400);
  assert.equal((await refusal(v1.devices("cellar").fetch())).code, 20404);
}

/** One collection, from the first to the last call. `items` is the library's; `parent` the URL in front of it. */
async function checkItems(items, parent, secret, deviceSid) {
  const made = await items.create({ key: "mqtt/host 1", value: "some value" });
  assert.equal(made.key, "mqtt/host 1");
  assert.equal(made.url, `${parent}/mqtt%2Fhost%201`);
  assert.equal(made.deviceSid, deviceSid);
  const moment = secret ? made.dateRotated : made.dateUpdated;
  assert.ok(Math.abs(moment - Date.now()) < 600_000, `changed ${moment}`);
  assert.equal(made.value, secret ? undefined : "some value");
  for (const key of ["first", "second"]) await items.create({ key, value: `of ${key}` });
  const listed = await items.list({ pageSize: 2 });
  assert.deepEqual(listed.map((item) => item.key).sort(), ["first", "mqtt/host 1", "second"]);

  assert.equal((await items("first").fetch()).value, secret ? undefined : "of first");
  assert.equal((await items("first").update({ value: "place" })).key, "first");
  assert.equal((await items("first").fetch()).value, secret ? undefined : "place");
  assert.equal("value" in JSON.parse(JSON.stringify(await items("first").fetch())), !secret);
  assert.equal((await refusal(items.create({ key: "first", value: "again" }))).status, 409);
  assert.equal((await refusal(items.create({ key: "k".repeat(101), value: "v" }))).code, 20001);
  assert.equal((await refusal(items("third").update({ value: "v" }))).code, 20404);
  assert.equal(await items("first").remove(), true);
  assert.equal((await refusal(items("first").fetch())).status, 404);
}

async function checkConfigsAndSecrets(v1, credentials) {
  const sid = await provision(credentials);
  await v1.devices(sid).update({ uniqueName: "attic" });
  const base = `${credentials.base_url}/v1`;
  await checkItems(v1.accountConfigs, `${base}/Configs`, false, undefined);
  await checkItems(v1.accountSecrets, `${base}/Secrets`, true, undefined);
  await checkItems(v1.devices(sid).deviceConfigs, `${base}/Devices/${sid}/Configs`, false, sid);
  await checkItems(v1.devices("attic").deviceSecrets, `${base}/Devices/${sid}/Secrets`, true, sid);
}

async function checkErrors(v1, credentials) {
  const wrong = await refusal(client(credentials, "0123456789abcdef0123456789abcdef").apps.list());
  assert.equal(wrong.status, 401);
  assert.equal(wrong.code, 20003);
  assert.equal((await refusal(v1.apps.page({ pageSize: 0 }))).status, 400);
  const taken = await provision(credentials);
  const conflict = await refusal(v1.devices(taken).update({ uniqueName: "kitchen" }));
  assert.equal(conflict.status, 409);
  assert.ok(conflict.moreInfo.startsWith("http"), `more_info ${conflict.moreInfo}`);
}

const folder = mkdtempSync(join(tmpdir(), "microvisor-rest-"));
const { server, credentials } = await startServer(join(folder, "data"));
let status = 1;
try {
  const v1 = client(credentials);
  const app = await checkApps(v1, credentials);
  await checkDevices(v1, credentials, app);
  await checkConfigsAndSecrets(v1, credentials);
  await checkErrors(v1, credentials);
  console.log(`${moduleName} ${require(`${moduleName}/package.json`).version}: apps, devices, configs, secrets, paging and errors as its users know them`);
  status = 0;
} catch (error) {
  console.error(error);
} finally {
  server.kill("SIGTERM");
  await new Promise((resolve) => server.on("exit", resolve));
  rmSync(folder, { recursive: true });
}
process.exit(status);  // the library keeps its connections open
