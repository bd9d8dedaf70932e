console.log("page made by node");
