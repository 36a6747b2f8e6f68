// Finds the nonce that the page "a moment, please" asks for, and sends the form: SHA-256(token ":" nonce) begins with as many zero
// bits as the form says. It is its own SHA-256, because crypto.subtle answers one hash at a time and much too slowly for thousands,
// and is missing without TLS. Without this script a person waits and presses the button. It keeps to what old phones understand.
(function () {
  'use strict';
  var form = document.getElementById('work');
  if (!form || !window.Uint32Array) return;
  var token = form.elements.proof.value;
  var bits = Number(form.getAttribute('data-bits'));
  var K = new Uint32Array(64), first = new Uint32Array(8), w = new Uint32Array(64), nonce = 0;

  // The constants are the first 32 bits of the fractional parts of roots of the first primes (FIPS 180-4).
  (function () {
    for (var n = 2, found = 0; found < 64; n++) {
      var prime = true;
      for (var d = 2; d * d <= n; d++) if (n % d === 0) prime = false;
      if (!prime) continue;
      if (found < 8) first[found] = Math.pow(n, 1 / 2) % 1 * 4294967296;
      K[found++] = Math.pow(n, 1 / 3) % 1 * 4294967296;
    }
  })();

  function block(h, bytes, at) {
    var i, a = h[0], b = h[1], c = h[2], d = h[3], e = h[4], f = h[5], g = h[6], k = h[7];
    for (i = 0; i < 16; i++, at += 4) w[i] = bytes[at] << 24 | bytes[at + 1] << 16 | bytes[at + 2] << 8 | bytes[at + 3];
    for (; i < 64; i++) {
      var x = w[i - 15], y = w[i - 2];
      w[i] = w[i - 16] + w[i - 7] + ((x >>> 7 | x << 25) ^ (x >>> 18 | x << 14) ^ x >>> 3) + ((y >>> 17 | y << 15) ^ (y >>> 19 | y << 13) ^ y >>> 10);
    }
    for (i = 0; i < 64; i++) {
      var t = (k + ((e >>> 6 | e << 26) ^ (e >>> 11 | e << 21) ^ (e >>> 25 | e << 7)) + (e & f ^ ~e & g) + K[i] + w[i]) | 0;
      var u = (((a >>> 2 | a << 30) ^ (a >>> 13 | a << 19) ^ (a >>> 22 | a << 10)) + (a & b ^ a & c ^ b & c)) | 0;
      k = g; g = f; f = e; e = d + t | 0; d = c; c = b; b = a; a = t + u | 0;
    }
    h[0] += a; h[1] += b; h[2] += c; h[3] += d; h[4] += e; h[5] += f; h[6] += g; h[7] += k;
  }

  // leading counts the zero bits with which the hash of an ASCII text begins; more than 32 are not asked for.
  function leading(text) {
    var n = text.length, bytes = new Uint8Array((n + 72 >> 6) << 6), h = new Uint32Array(first);
    for (var i = 0; i < n; i++) bytes[i] = text.charCodeAt(i);
    bytes[n] = 128;
    for (i = 0; i < 4; i++) bytes[bytes.length - 1 - i] = n * 8 >>> 8 * i;
    for (i = 0; i < bytes.length; i += 64) block(h, bytes, i);
    for (i = 0; i < 32 && !(h[0] >>> 31 - i & 1); i++);
    return i;
  }

  function some() {
    for (var i = 0; i < 2000; i++, nonce++) {
      if (leading(token + ':' + nonce) < bits) continue;
      form.elements.proof.value = token + ':' + nonce;
      form.submit();
      return;
    }
    setTimeout(some, 0); // the page stays usable
  }

  document.getElementById('how').hidden = true;
  document.getElementById('auto').hidden = false;
  some();
})();
