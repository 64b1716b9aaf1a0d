// What somebody writes in a message, as elements: code and addresses, and otherwise text.

// A block stands by itself: what ends the line before it, and behind it, needs no line of its own.
const CODE = /\n*```(?:[\w+#-]*\n)?([\s\S]+?)```\n*|`([^`\n]+)`|(https?:\/\/[^\s<>"'`]+)/g;
// A full stop behind an address ends the sentence.
const TAIL = /[.,;:!?)\]}]+$/;

export function words(body) {
  const found = document.createDocumentFragment();
  let end = 0;
  for (const match of body.matchAll(CODE)) {
    const [whole, block, code, address] = match;
    found.append(body.slice(end, match.index));
    end = match.index + whole.length;
    if (block !== undefined) found.append(blockOf(block));
    else if (code !== undefined) found.append(element("code", code));
    else {
      const tail = TAIL.exec(address)?.[0] ?? "";
      found.append(linkTo(address.slice(0, address.length - tail.length)), tail);
    }
  }
  found.append(body.slice(end));
  return found;
}

const element = (name, text) => Object.assign(document.createElement(name), { textContent: text });

function blockOf(code) {
  const block = document.createElement("pre");
  block.tabIndex = 0;
  block.append(element("code", code.replace(/\n$/, "")));
  return block;
}

function linkTo(address) {
  const rel = "nofollow ugc noopener noreferrer";
  return Object.assign(element("a", address), { href: address, target: "_blank", rel });
}
