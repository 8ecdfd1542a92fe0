// A client on @grpc/grpc-js: client.js PORT CA-FILE CID. NODE_PATH has the modules; CID is a model that doubles. Prints "passed: NAME" or
// "failed: NAME: why" for each step.
'use strict';
const assert = require('assert');
const fs = require('fs');
const path = require('path');
const grpc = require('@grpc/grpc-js');
const loader = require('@grpc/proto-loader');

const [port, ca, cid] = process.argv.slice(2);
const proto = grpc.loadPackageDefinition(loader.loadSync(path.join(__dirname, 'inference.proto'), {keepCase: true, longs: Number, defaults: true}));
const client = new proto.inference.GRPCInferenceService(`localhost:${port}`, grpc.credentials.createSsl(fs.readFileSync(ca)),
  {'grpc.max_receive_message_length': -1, 'grpc.max_send_message_length': -1});

// A unary call: [answer, the metadata of its head]; rejects with grpc-js's error.
function call(method, message, {deadline = 30000, encoding, cancel} = {}) {
  return new Promise((resolve, reject) => {
    const metadata = new grpc.Metadata();
    if (encoding) metadata.set('grpc-internal-encoding-request', encoding);
    let head;
    const under_way = client[method](message, metadata, {deadline: Date.now() + deadline},
      (error, answer) => error ? reject(error) : resolve([answer, head]));
    under_way.on('metadata', m => { head = m; });
    if (cancel) setImmediate(() => under_way.cancel());
  });
}

function floats(...numbers) {
  return Buffer.from(Float32Array.from(numbers).buffer);
}

function request(raw, more = {}) {
  return {model_name: cid, inputs: [{name: 'x', datatype: 'FP32', shape: [raw.length / 4]}], raw_input_contents: [raw], ...more};
}

async function refused(code, work) {
  await assert.rejects(work, error => { assert.strictEqual(error.code, code, error.message); return true; });
}

const steps = {
  async about() {
    assert.strictEqual((await call('ServerLive', {}))[0].live, true);
    assert.strictEqual((await call('ServerReady', {}))[0].ready, true);
    assert.strictEqual((await call('ServerMetadata', {}))[0].name, 'veronnx');
    assert.strictEqual((await call('ModelReady', {name: cid}))[0].ready, true);
    const [about] = await call('ModelMetadata', {name: cid, version: '1'});
    assert.deepStrictEqual(about.inputs, [{name: 'x', datatype: 'FP32', shape: [-1]}]);
    assert.strictEqual((await call('ModelConfig', {name: cid}))[0].config.name, cid);
    assert.deepStrictEqual((await call('RepositoryIndex', {}))[0].models, []);
  },

  async inference() {
    const [answer, head] = await call('ModelInfer', request(floats(0.1, -2.5, 3), {id: '7'}));
    assert.deepStrictEqual([answer.model_name, answer.id], [cid, '7']);
    assert.deepStrictEqual(answer.outputs.map(o => [o.name, o.datatype, o.shape]), [['y', 'FP32', [3]]]);
    assert.deepStrictEqual(answer.raw_output_contents, [floats(0.2, -5, 6)]);
    assert.match(head.get('veronnx-receipt')[0], /^[\w-]+$/);
    assert.ok((await call('ModelStatistics', {name: cid}))[0].model_stats[0].inference_count >= 1);
  },

  async 'typed contents'() {
    const inputs = [{name: 'x', datatype: 'FP32', shape: [2], contents: {fp32_contents: [1.5, -2]}}];
    assert.deepStrictEqual((await call('ModelInfer', {model_name: cid, inputs}))[0].raw_output_contents, [floats(3, -4)]);
  },

  async compression() {
    for (const encoding of ['gzip', 'deflate'])
      assert.deepStrictEqual((await call('ModelInfer', request(floats(1, 2), {}), {encoding}))[0].raw_output_contents, [floats(2, 4)]);
  },

  async '100 MB'() {
    const x = Float32Array.from({length: 25e6}, (_, n) => n);
    const [answer] = await call('ModelInfer', request(Buffer.from(x.buffer)), {deadline: 120000});
    assert.ok(answer.raw_output_contents[0].equals(Buffer.from(x.map(n => 2 * n).buffer)));
  },

  async 'sixty at a time'() {
    const answers = await Promise.all(Array.from({length: 60}, (_, n) => call('ModelInfer', request(floats(n)))));
    answers.forEach(([answer], n) => assert.deepStrictEqual(answer.raw_output_contents, [floats(2 * n)]));
  },

  async refusals() {
    await refused(grpc.status.NOT_FOUND, call('ModelInfer', request(floats(1), {model_name: 'nobody'})));
    await refused(grpc.status.INVALID_ARGUMENT, call('ModelInfer', {model_name: cid}));
    await refused(grpc.status.PERMISSION_DENIED, call('RepositoryModelLoad', {model_name: cid}));
    await refused(grpc.status.CANCELLED, call('ModelInfer', request(floats(1)), {cancel: true}));
    await refused(grpc.status.DEADLINE_EXCEEDED, call('ModelInfer', request(Buffer.alloc(4e6)), {deadline: 0}));
  },

  async stream() {
    const stream = client.ModelStreamInfer();
    for (let n = 0; n < 5; n++)
      stream.write(request(floats(n), {id: `${n}`, ...(n === 3 ? {model_name: 'nobody'} : {})}));
    stream.end();
    const answers = [];
    for await (const answer of stream) answers.push(answer);
    assert.deepStrictEqual(answers.map(a => a.error_message !== ''), [false, false, false, true, false]);
    answers.forEach((answer, n) => {
      if (n === 3) return;
      assert.strictEqual(answer.infer_response.id, `${n}`);
      assert.deepStrictEqual(answer.infer_response.raw_output_contents, [floats(2 * n)]);
      assert.ok(answer.infer_response.parameters.veronnx_receipt.string_param);
    });
  },
};

(async () => {
  for (const [name, step] of Object.entries(steps)) {
    try {
      await step();
      console.log(`passed: ${name}`);
    } catch (e) {
      console.log(`failed: ${name}: ${e.message}`);
    }
  }
  client.close();
})();
