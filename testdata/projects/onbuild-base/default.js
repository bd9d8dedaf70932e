console.log(`a base to build on, uid=${process.getuid()}`);
