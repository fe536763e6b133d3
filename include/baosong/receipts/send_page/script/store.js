"use strict";
// The S3 calls that the page needs, signed by aws4fetch; XMLHttpRequest sends them, as fetch tells no progress.

const STALLED = 60000; // milliseconds without a byte, after which a request is given up and made again
const EMPTY = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
const REFUSALS = {
  InvalidAccessKeyId: "本页的密钥已经停用或更换，请向受理单位领取新的发送页。",
  SignatureDoesNotMatch: "密钥不正确，请重新领取发送页。",
  RequestTimeTooSkewed: "本机的日期、时间或时区不对，请校准后重试。",
  AccessDenied: "存储拒绝访问。收件夹可能已满（见下方状态），或密钥已经停用。",
  SlowDown: "存储忙，或收件夹已满、正在等待处理（见下方状态）。",
  NotImplemented: "存储不支持这项操作。",
};

class StoreError extends Error {
  constructor(status, code, message) {
    super(message);
    this.status = status;
    this.code = code;
    // Worth trying again: the line, a busy or restarting server.
    this.passing = status === 0 || status >= 500 && status !== 501 || status === 429 || status === 408;
  }
}

function encoded(text) {
  return encodeURIComponent(text).replace(/[!'()*]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`);
}

async function sha256(bytes) {
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  return [...digest].map((b) => b.toString(16).padStart(2, "0")).join("");
}

function textsOf(xml, tag) {
  return [...xml.getElementsByTagNameNS("*", tag)].map((element) => element.textContent);
}

class Store {
  constructor(settings) {
    this.settings = settings;
    this.cache = new Map();
  }

  // {status, body, etag}; `body` is an ArrayBuffer. Raises StoreError, or AbortError when `signal` says so.
  async call(method, bucket, key, { query = {}, body = null, signal = null, progress = null } = {}) {
    const { endpoint, region, accessKey, secretKey } = this.settings;
    const path = [bucket, ...key.split("/")].map(encoded).join("/");
    const asked = Object.entries(query).map(([name, value]) => `${encoded(name)}=${encoded(value)}`).join("&");
    const signed = await new aws4fetch.AwsV4Signer({
      method, url: `${endpoint}/${path}${asked ? `?${asked}` : ""}`, service: "s3", region, cache: this.cache,
      accessKeyId: accessKey, secretAccessKey: secretKey,
      headers: {
        "X-Amz-Content-Sha256": body && body.byteLength ? await sha256(body) : EMPTY,
        ...(method === "GET" ? { "Cache-Control": "no-cache" } : {}), // a status page of minutes ago would do for a browser
      },
    }).sign();
    return send(method, signed, body, signal, progress);
  }

  async xml(method, bucket, key, options) {
    const answer = await this.call(method, bucket, key, options);
    return new DOMParser().parseFromString(new TextDecoder().decode(answer.body), "application/xml");
  }

  // Objects under a prefix as [{key, size, modified}], in the store's order.
  async list(bucket, prefix) {
    const found = [];
    for (let token = null; ;) {
      const query = { "list-type": "2", prefix, ...(token ? { "continuation-token": token } : {}) };
      const page = await this.xml("GET", bucket, "", { query });
      for (const entry of page.getElementsByTagNameNS("*", "Contents")) {
        const [key] = textsOf(entry, "Key"), [size] = textsOf(entry, "Size"), [modified] = textsOf(entry, "LastModified");
        found.push({ key, size: Number(size), modified: new Date(modified) });
      }
      [token] = textsOf(page, "NextContinuationToken");
      if (!token) return found;
    }
  }

  async begin(bucket, key, signal) {
    return textsOf(await this.xml("POST", bucket, key, { query: { uploads: "" }, signal }), "UploadId")[0];
  }

  // The parts that have arrived, as Map number -> {etag, size}; null if the store knows no such upload any more.
  async parts(bucket, key, upload, signal) {
    const found = new Map();
    try {
      for (let marker = null; ;) {
        const query = { uploadId: upload, ...(marker ? { "part-number-marker": marker } : {}) };
        const page = await this.xml("GET", bucket, key, { query, signal });
        for (const part of page.getElementsByTagNameNS("*", "Part")) {
          const [number] = textsOf(part, "PartNumber"), [etag] = textsOf(part, "ETag"), [size] = textsOf(part, "Size");
          found.set(Number(number), { etag, size: Number(size) });
        }
        if (textsOf(page, "IsTruncated")[0] !== "true") return found;
        [marker] = textsOf(page, "NextPartNumberMarker");
      }
    } catch (error) {
      if (error.status === 404) return null;
      throw error;
    }
  }

  // S3 may answer 200 and yet report an error in the body, when putting the parts together took long.
  async complete(bucket, key, upload, parts, signal) {
    const listed = [...parts].sort(([a], [b]) => a - b).map(
      ([number, { etag }]) => `<Part><PartNumber>${number}</PartNumber><ETag>${etag.replace(/&/g, "&amp;")}</ETag></Part>`);
    const body = new TextEncoder().encode(`<CompleteMultipartUpload>${listed.join("")}</CompleteMultipartUpload>`);
    const answer = await this.xml("POST", bucket, key, { query: { uploadId: upload }, body, signal });
    if (textsOf(answer, "Code").length) throw new StoreError(500, textsOf(answer, "Code")[0], "存储没有能够合并各段。");
  }

  async sizeOf(bucket, key, signal) {
    try {
      return (await this.call("HEAD", bucket, key, { signal })).size;
    } catch (error) {
      if (error.status === 404) return null;
      throw error;
    }
  }
}

function send(method, signed, body, signal, progress) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    let watch = 0;
    const alive = () => { clearTimeout(watch); watch = setTimeout(() => request.abort(), STALLED); };
    const stop = () => request.abort();
    request.open(method, signed.url);
    request.responseType = "arraybuffer";
    signed.headers.forEach((value, name) => request.setRequestHeader(name, value));
    request.upload.onprogress = (event) => { alive(); if (progress) progress(event.loaded); };
    request.onprogress = alive;
    request.onload = () => (request.status < 300 ? resolve(answerOf(request)) : reject(refusalOf(request)));
    request.onerror = request.onabort = () => reject(
      signal && signal.aborted ? new DOMException("stopped", "AbortError") : new StoreError(0, "", "连不上存储，可能是网络中断。"));
    request.onloadend = () => { clearTimeout(watch); if (signal) signal.removeEventListener("abort", stop); };
    if (signal) {
      if (signal.aborted) return reject(new DOMException("stopped", "AbortError"));
      signal.addEventListener("abort", stop);
    }
    alive();
    return request.send(body);
  });
}

function answerOf(request) {
  const size = request.getResponseHeader("Content-Length");
  return { body: request.response, etag: request.getResponseHeader("ETag") || "", size: size === null ? null : Number(size) };
}

function refusalOf(request) {
  const text = request.response ? new TextDecoder().decode(request.response) : "";
  const code = (/<Code>([^<]+)<\/Code>/.exec(text) || ["", ""])[1];
  return new StoreError(request.status, code, REFUSALS[code] || `存储没有接收（${code || request.status}）。`);
}
