// SPDX-FileCopyrightText: 2026 pose_ros contributors
// SPDX-License-Identifier: Apache-2.0
//
// Runs the original MoveNet graphs in TensorFlow.js (CPU, plain JavaScript) up to their heads.
// Called by make_movenet_golden.py, which prepares the images and packs the results:
//
//   node make_movenet_golden.js MODELS NETWORK IMAGE HEIGHT WIDTH OUT NODE [NODE ...]
//
// MODELS  folder with NETWORK.json and NETWORK.bin
// IMAGE   raw uint8 RGB, HEIGHT x WIDTH x 3; fed to the graph's own input, 0..255
// OUT     receives the outputs of the NODEs one after the other, raw float32, NHWC
//
// The thunder graph is fixed at 256x256: the shape of its input and the constant sizes of its
// three resizing nodes are rewritten for another size. Multipose computes them. Nothing else is
// touched.

'use strict';
const fs = require('fs');
const tf = require('@tensorflow/tfjs');

const TRAINED_SIZE = 256;

function patchSize(model, weights, height, width) {
  const dim = [1, height, width, 3].map((size) => ({ size: String(size) }));
  const nodes = model.modelTopology.node;
  nodes.find((node) => node.name === 'input').attr.shape.shape.dim = dim;
  for (const input of Object.values(model.signature.inputs)) input.tensorShape.dim = dim;
  const sizes = nodes.filter((node) => node.op === 'ResizeBilinear').map((node) => node.input[1]);
  let offset = 0;
  for (const entry of model.weightsManifest.flatMap((group) => group.weights)) {
    const count = entry.shape.reduce((a, b) => a * b, 1);
    if (sizes.includes(entry.name)) {
      for (const [i, side] of [height, width].entries()) {
        const value = weights.readInt32LE(offset + 4 * i) * side / TRAINED_SIZE;
        weights.writeInt32LE(value, offset + 4 * i);
      }
    }
    offset += count * (entry.quantization ? 2 : 4);
  }
}

async function main() {
  const [models, network, image, heightText, widthText, out, ...nodes] = process.argv.slice(2);
  const [height, width] = [Number(heightText), Number(widthText)];
  const model = JSON.parse(fs.readFileSync(`${models}/${network}.json`));
  const weights = fs.readFileSync(`${models}/${network}.bin`);
  patchSize(model, weights, height, width);
  const graph = await tf.loadGraphModel(tf.io.fromMemory({
    format: model.format,
    modelTopology: model.modelTopology,
    signature: model.signature,
    weightSpecs: model.weightsManifest.flatMap((group) => group.weights),
    weightData: weights.buffer.slice(weights.byteOffset, weights.byteOffset + weights.length),
  }));
  const input = tf.tensor(fs.readFileSync(image), [1, height, width, 3], 'int32');
  const heads = graph.execute({ input }, nodes);
  fs.writeFileSync(out, Buffer.concat(
    [heads].flat().map((head) => Buffer.from(head.dataSync().buffer))));
}

main();
