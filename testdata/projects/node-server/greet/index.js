module.exports = (path) => `node greets ${path}`;
